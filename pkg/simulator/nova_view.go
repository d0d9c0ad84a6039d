package simulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"
)

// How a server looks, by microversion, as nova/api/openstack/compute/views/servers.py
// and its samples in doc/api_samples/servers have it.

// state is what a status stands for inside Nova.
type state struct {
	vm    string
	task  any // string or nil
	power int
}

// Power states as nova/objects/fields.py has them.
const (
	powerNone     = 0
	powerRunning  = 1
	powerPaused   = 3
	powerShutdown = 4
)

var states = map[string]state{
	"ACTIVE":            {vm: "active", power: powerRunning},
	"BUILD":             {vm: "building", task: "spawning", power: powerNone},
	"DELETED":           {vm: "deleted", power: powerNone},
	"ERROR":             {vm: "error", power: powerNone},
	"HARD_REBOOT":       {vm: "active", task: "rebooting_hard", power: powerRunning},
	"MIGRATING":         {vm: "active", task: "migrating", power: powerRunning},
	"PASSWORD":          {vm: "active", task: "updating_password", power: powerRunning},
	"PAUSED":            {vm: "paused", power: powerPaused},
	"REBOOT":            {vm: "active", task: "rebooting", power: powerRunning},
	"REBUILD":           {vm: "active", task: "rebuilding", power: powerRunning},
	"RESCUE":            {vm: "rescued", power: powerRunning},
	"RESIZE":            {vm: "active", task: "resize_migrating", power: powerRunning},
	"REVERT_RESIZE":     {vm: "resized", task: "resize_reverting", power: powerRunning},
	"SHELVED":           {vm: "shelved", power: powerShutdown},
	"SHELVED_OFFLOADED": {vm: "shelved_offloaded", power: powerShutdown},
	"SHUTOFF":           {vm: "stopped", power: powerShutdown},
	"SOFT_DELETED":      {vm: "soft-delete", power: powerShutdown},
	"SUSPENDED":         {vm: "suspended", power: powerShutdown},
	"VERIFY_RESIZE":     {vm: "resized", power: powerRunning},
}

// progressing are the statuses with a progress, faulty those with a fault.
var (
	progressing = map[string]bool{
		"ACTIVE": true, "BUILD": true, "REBUILD": true, "RESIZE": true, "VERIFY_RESIZE": true, "MIGRATING": true,
	}
	faulty = map[string]bool{"ERROR": true, "DELETED": true}
)

// status is the server's status now: BUILD until its build time is over.
func (s *server) status() string {
	if s.Status == "ACTIVE" && time.Now().Before(s.buildUntil) {
		return "BUILD"
	}
	return s.Status
}

func (n *nova) links(r *request, path string) []map[string]string {
	return []map[string]string{
		{"rel": "self", "href": r.BaseURL + "/v2.1" + path},
		{"rel": "bookmark", "href": r.BaseURL + path},
	}
}

// brief is a server in GET /servers.
func (n *nova) brief(r *request, s *server) map[string]any {
	return map[string]any{"id": s.ID, "name": s.Name, "links": n.links(r, "/servers/"+s.ID)}
}

// detail is a server in GET /servers/detail and GET /servers/{id}.
func (n *nova) detail(r *request, s *server) map[string]any {
	status := s.status()
	inside := states[status]
	view := map[string]any{
		"id": s.ID, "name": s.Name, "status": status, "tenant_id": s.ProjectID, "user_id": s.UserID,
		"metadata": s.Metadata, "hostId": s.hostID(), "image": n.imageView(r, s), "flavor": n.flavorOf(r, s),
		"created": novaTime(s.Created), "updated": novaTime(s.Updated), "addresses": n.addresses(s),
		"accessIPv4": s.AccessIPv4, "accessIPv6": s.AccessIPv6, "links": n.links(r, "/servers/"+s.ID),
		"OS-DCF:diskConfig": "MANUAL", "config_drive": "", "key_name": nullable(s.KeyName),
		"OS-EXT-AZ:availability_zone": s.Zone,
		"OS-EXT-STS:vm_state":         inside.vm, "OS-EXT-STS:task_state": inside.task,
		"OS-EXT-STS:power_state": inside.power, "OS-SRV-USG:terminated_at": nil,
		"OS-SRV-USG:launched_at":               s.launched(),
		"os-extended-volumes:volumes_attached": s.volumesAttached(r),
	}
	if progressing[status] {
		view["progress"] = 0
	}
	if faulty[status] {
		view["fault"] = map[string]any{"code": 500, "created": novaTime(s.Updated), "message": "No valid host was found."}
	}
	if len(s.securityGroupNames) > 0 {
		view["security_groups"] = groupNames(s.securityGroupNames)
	}
	n.addVersioned(r, s, view)
	if r.Token.Admin {
		n.addAdmin(r, s, view)
	}
	if r.since(16) && (r.Token.Admin || n.hostStatusForAll) {
		view["host_status"] = cmp.Or(s.hostStatus, "UP")
	}
	return view
}

// addVersioned adds what newer microversions show.
func (n *nova) addVersioned(r *request, s *server, view map[string]any) {
	add := func(minor int, key string, value any) {
		if r.since(minor) {
			view[key] = value
		}
	}
	add(9, "locked", s.Locked)
	add(19, "description", s.Description)
	add(26, "tags", append([]string{}, s.Tags...))
	add(63, "trusted_image_certificates", nil)
	add(73, "locked_reason", nullable(s.LockedReason))
	add(90, "OS-EXT-SRV-ATTR:hostname", s.Hostname)
	add(96, "pinned_availability_zone", nullable(s.PinnedZone))
	add(100, "scheduler_hints", s.schedulerHints)
}

// addAdmin adds what the default policy shows to admins only.
func (n *nova) addAdmin(r *request, s *server, view map[string]any) {
	view["OS-EXT-SRV-ATTR:host"] = s.Host
	view["OS-EXT-SRV-ATTR:hypervisor_hostname"] = s.Host
	view["OS-EXT-SRV-ATTR:instance_name"] = "instance-" + hex.EncodeToString([]byte{0, 0, byte(s.serial >> 8), byte(s.serial)})
	if r.since(3) {
		view["OS-EXT-SRV-ATTR:hostname"] = s.Hostname
		view["OS-EXT-SRV-ATTR:launch_index"] = 0
		view["OS-EXT-SRV-ATTR:reservation_id"] = "r-" + s.ID[:8]
		view["OS-EXT-SRV-ATTR:root_device_name"] = "/dev/vda"
		view["OS-EXT-SRV-ATTR:kernel_id"] = ""
		view["OS-EXT-SRV-ATTR:ramdisk_id"] = ""
		view["OS-EXT-SRV-ATTR:user_data"] = nil
	}
}

// hostID hides the host: the same for one project on one host, as Nova's.
func (s *server) hostID() string {
	if s.Host == "" {
		return ""
	}
	sum := sha256.Sum224([]byte(s.ProjectID + s.Host))
	return hex.EncodeToString(sum[:])
}

func (s *server) launched() any {
	if s.status() == "BUILD" {
		return nil
	}
	at := s.Created
	if s.buildUntil.After(at) {
		at = s.buildUntil
	}
	return at.UTC().Format("2006-01-02T15:04:05.000000")
}

func (n *nova) imageView(r *request, s *server) any {
	if s.ImageID == "" {
		return "" // booted from a volume
	}
	view := map[string]any{
		"id":    s.ImageID,
		"links": []map[string]string{{"rel": "bookmark", "href": r.BaseURL + "/images/" + s.ImageID}},
	}
	if r.since(98) {
		view["properties"] = map[string]string{}
	}
	return view
}

// flavorOf is a link to the flavor before 2.47, and its values from then on.
func (n *nova) flavorOf(r *request, s *server) any {
	f := &s.Flavor
	if !r.since(47) {
		return map[string]any{
			"id":    f.ID,
			"links": []map[string]string{{"rel": "bookmark", "href": r.BaseURL + "/flavors/" + f.ID}},
		}
	}
	return map[string]any{
		"original_name": f.Name, "vcpus": f.VCPUs, "ram": f.RAM, "disk": f.Disk, "ephemeral": 0, "swap": 0,
		"extra_specs": f.specs(),
	}
}

// addresses are the server's by the networks' names: of each port the fixed
// ones, and after each the floating one that points to it.
func (n *nova) addresses(s *server) map[string][]any {
	addresses := map[string][]any{}
	for _, p := range n.cloud.neutron.serverPorts(s.ID) {
		network := n.cloud.neutron.networkName(p.NetworkID)
		add := func(address, kind string) {
			addresses[network] = append(addresses[network], map[string]any{
				"version": family(address), "addr": address,
				"OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": p.MACAddress,
			})
		}
		for _, ip := range p.FixedIPs {
			add(ip.IPAddress, "fixed")
			if floating := n.cloud.neutron.floatingFor(p.ID, ip.IPAddress); floating != "" {
				add(floating, "floating")
			}
		}
	}
	return addresses
}

func family(address string) int {
	if addr, err := netip.ParseAddr(address); err == nil && addr.Is4() {
		return 4
	}
	return 6
}

func groupNames(names []string) []map[string]string {
	list := make([]map[string]string, 0, len(names))
	for _, name := range names {
		list = append(list, map[string]string{"name": name})
	}
	return list
}

// nullable is the text, or JSON's null for an empty one.
func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}
