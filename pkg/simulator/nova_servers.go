package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// One server: show, create, update, delete, as nova/api/openstack/compute/servers.py has it.

func (n *nova) registerServers(t routeTable) {
	t["GET /servers"] = n.list
	t["GET /servers/detail"] = n.list
	t["POST /servers"] = n.create
	t["GET /servers/{id}"] = n.one(n.show)
	t["PUT /servers/{id}"] = n.one(n.update)
	t["DELETE /servers/{id}"] = n.one(n.remove)
	t["POST /servers/{id}/action"] = n.one(n.act)
	t["GET /servers/{id}/ips"] = n.one(n.listIPs)
}

func noServer(id string) response {
	return novaError(http.StatusNotFound, "Instance "+id+" could not be found.")
}

// one finds the server in the path for a handler of single servers. What is not
// the caller's is not there for it.
func (n *nova) one(serve func(r *request, s *server) response) handler {
	return func(r *request) response {
		s := n.byID[r.Vars["id"]]
		if s == nil || s.ProjectID != r.Token.ProjectID && !r.Token.Admin {
			return noServer(r.Vars["id"])
		}
		if n.cell.hides(s) && r.Pattern != "GET /servers/{id}" {
			return novaError(http.StatusInternalServerError, unexpected("nova.exception.CellTimeout"))
		}
		return serve(r, s)
	}
}

func (n *nova) show(r *request, s *server) response {
	if n.cell.hides(s) {
		return n.unreachableServer(r, s)
	}
	view := n.detail(r, s)
	if r.since(71) {
		view["server_groups"] = []string{}
	}
	return novaOK("server", view)
}

func (n *nova) listIPs(_ *request, s *server) response {
	short := map[string][]any{}
	for network, addresses := range n.addresses(s) {
		for _, a := range addresses {
			full := a.(map[string]any)
			short[network] = append(short[network], map[string]any{"version": full["version"], "addr": full["addr"]})
		}
	}
	return novaOK("addresses", short)
}

type createRequest struct {
	Name           string              `json:"name"`
	Hostname       string              `json:"hostname"`
	FlavorRef      string              `json:"flavorRef"`
	ImageRef       string              `json:"imageRef"`
	Zone           string              `json:"availability_zone"`
	KeyName        string              `json:"key_name"`
	Description    *string             `json:"description"`
	AccessIPv4     string              `json:"accessIPv4"`
	AccessIPv6     string              `json:"accessIPv6"`
	Metadata       map[string]string   `json:"metadata"`
	Tags           []string            `json:"tags"`
	Networks       json.RawMessage     `json:"networks"`
	SecurityGroups []map[string]string `json:"security_groups"`
	MinCount       count               `json:"min_count"`
	MaxCount       count               `json:"max_count"`
}

// count is a number that clients also send as text.
type count int

// UnmarshalJSON reads 3 and "3".
func (c *count) UnmarshalJSON(raw []byte) error {
	number, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	*c = count(number)
	return err
}

type createNIC struct {
	UUID    string `json:"uuid"`
	FixedIP string `json:"fixed_ip"`
	Port    string `json:"port"`
}

func (n *nova) create(r *request) response {
	var wanted createRequest
	if err := r.decode("server", &wanted); err != nil {
		return novaError(http.StatusBadRequest, "Malformed request body")
	}
	if refused := checkKeys(r); refused != nil {
		return *refused
	}
	f := n.flavorBy(lastSegment(wanted.FlavorRef))
	if refused := n.checkCreate(&wanted, f); refused != nil {
		return *refused
	}
	nics, refused := n.nics(r, wanted.Networks)
	if refused != nil {
		return *refused
	}
	if wanted.MaxCount > 1 && slices.ContainsFunc(nics, func(nic createNIC) bool { return nic.Port != "" }) {
		return novaError(http.StatusBadRequest, "Unable to launch multiple instances with a single configured port ID. "+
			"Please launch your instance one by one with different ports.")
	}
	first, err := n.launch(r, &wanted, f, nics)
	if err != nil {
		return networkRefusal(err, http.StatusBadRequest)
	}
	answer := response{Status: http.StatusAccepted, Body: map[string]any{"server": map[string]any{
		"id": first.ID, "links": n.links(r, "/servers/"+first.ID), "OS-DCF:diskConfig": "MANUAL",
		"adminPass": newHexID()[:12], "security_groups": groupNames(first.securityGroupNames),
	}}}
	return answer.set("Location", r.BaseURL+"/v2.1/servers/"+first.ID)
}

// createKeys are what POST /servers knows (nova/api/openstack/compute/schemas/servers.py),
// whatever it does with them here.
var createKeys = []string{
	"name", "hostname", "flavorRef", "imageRef", "availability_zone", "key_name", "description", "accessIPv4", "accessIPv6",
	"metadata", "tags", "networks", "security_groups", "min_count", "max_count", "adminPass", "user_data", "config_drive",
	"personality", "block_device_mapping", "block_device_mapping_v2", "OS-DCF:diskConfig", "return_reservation_id", "host",
	"hypervisor_hostname", "trusted_image_certificates",
}

// checkKeys refuses a body without a server, or with keys that nobody knows.
func checkKeys(r *request) *response {
	var sent map[string]json.RawMessage
	if err := r.decode("server", &sent); err != nil || sent == nil {
		return refuse("'server' is a required property")
	}
	for key := range sent {
		if !slices.Contains(createKeys, key) {
			return refuse("Invalid input for field/attribute server. Additional properties are not allowed ('" + key + "' was unexpected)")
		}
	}
	return nil
}

// checkCreate refuses what cannot be made, networks aside.
func (n *nova) checkCreate(wanted *createRequest, f *flavor) *response {
	switch {
	case wanted.Name == "":
		return refuse("Invalid input for field/attribute server. 'name' is a required property")
	case f == nil:
		return refuse("Invalid flavorRef provided.")
	case wanted.Zone != "" && !slices.Contains(n.cloud.options.Zones, wanted.Zone):
		return refuse("The requested availability zone is not available")
	case wanted.MinCount < 0 || wanted.MaxCount < 0 || max(wanted.MinCount, wanted.MaxCount) > defaultMaxPage:
		refused := novaError(http.StatusForbidden, "Quota exceeded, too many servers in request")
		return &refused
	}
	return nil
}

// launch makes the servers; with several, their names get a number, as Nova's do.
func (n *nova) launch(r *request, wanted *createRequest, f *flavor, nics []createNIC) (*server, error) {
	var first *server
	total := max(int(wanted.MaxCount), int(wanted.MinCount), 1)
	for i := range total {
		s := &server{
			Name: wanted.Name, Hostname: wanted.Hostname, Description: wanted.Description, KeyName: wanted.KeyName,
			AccessIPv4: wanted.AccessIPv4, AccessIPv6: wanted.AccessIPv6, Metadata: maps.Clone(wanted.Metadata),
			Tags: slices.Clone(wanted.Tags), ImageID: lastSegment(wanted.ImageRef), Flavor: *f,
			Zone: wanted.Zone, PinnedZone: wanted.Zone, ProjectID: r.Token.ProjectID, UserID: r.Token.UserID,
			Status: "ACTIVE", buildUntil: time.Now().Add(n.cloud.options.BuildTime),
		}
		if total > 1 {
			s.Name = fmt.Sprintf("%s-%d", wanted.Name, i+1)
		}
		for _, group := range wanted.SecurityGroups {
			s.securityGroupNames = append(s.securityGroupNames, group["name"])
		}
		if err := n.add(s, nics); err != nil {
			return nil, err
		}
		if first == nil {
			first = s
		}
	}
	return first, nil
}

// nics reads "networks": a list, or from 2.37 on "auto" or "none". Before 2.37 it
// may be left out where the project sees exactly one network.
func (n *nova) nics(r *request, raw json.RawMessage) ([]createNIC, *response) {
	var word string
	var nics []createNIC
	switch {
	case len(raw) == 0 && r.since(37):
		return nil, refuse("Invalid input for field/attribute server. 'networks' is a required property")
	case len(raw) == 0 || string(raw) == `"auto"`:
		return n.onlyNetwork(r)
	case json.Unmarshal(raw, &word) == nil:
		if word != "none" {
			return nil, refuse("Invalid input for field/attribute networks. Value: " + word + ".")
		}
		return nil, nil
	case json.Unmarshal(raw, &nics) != nil:
		return nil, refuse("Invalid input for field/attribute networks.")
	}
	return nics, nil
}

func (n *nova) update(r *request, s *server) response {
	var wanted struct {
		Name        *string `json:"name"`
		Hostname    *string `json:"hostname"`
		Description *string `json:"description"`
		AccessIPv4  *string `json:"accessIPv4"`
		AccessIPv6  *string `json:"accessIPv6"`
	}
	if err := r.decode("server", &wanted); err != nil {
		return novaError(http.StatusBadRequest, "Malformed request body")
	}
	for _, field := range []struct {
		from  *string
		to    *string
		minor int
	}{
		{wanted.Name, &s.Name, 1}, {wanted.Hostname, &s.Hostname, 90},
		{wanted.AccessIPv4, &s.AccessIPv4, 1}, {wanted.AccessIPv6, &s.AccessIPv6, 1},
	} {
		if field.from != nil && r.since(field.minor) {
			*field.to = *field.from
		}
	}
	if wanted.Description != nil && r.since(19) {
		s.Description = wanted.Description
	}
	s.Updated = time.Now()
	return n.show(r, s)
}

// remove deletes a server and the ports that Nova made for it.
func (n *nova) remove(_ *request, s *server) response {
	if s.Locked {
		return novaError(http.StatusConflict, "Instance "+s.ID+" is locked")
	}
	n.forget(s)
	return response{Status: http.StatusNoContent}
}

// setStatus changes the status, and the time of the change with it.
func (n *nova) setStatus(s *server, status string) {
	before, after := s.offloaded(), states[status].vm == offloaded
	switch {
	case after && !before:
		n.offload(s)
	case before && !after && status != "DELETED":
		n.load(s)
	}
	s.Status, s.buildUntil, s.Updated = status, time.Time{}, time.Now()
}

func (n *nova) forget(s *server) {
	n.cloud.neutron.deleteServerPorts(s.ID)
	n.releaseVolumes(s)
	n.servers = slices.DeleteFunc(n.servers, func(other *server) bool { return other == s })
	delete(n.byID, s.ID)
	n.setStatus(s, "DELETED")
	n.deleted = append(n.deleted, s)
}

// add completes a server, makes its ports and keeps it; nothing is left behind on failure.
func (n *nova) add(s *server, nics []createNIC) error {
	n.complete(s)
	for _, nic := range nics {
		if err := n.plug(s, nic); err != nil {
			n.cloud.neutron.deleteServerPorts(s.ID)
			return err
		}
	}
	n.keep(s)
	return nil
}

func (n *nova) keep(s *server) {
	n.servers = append(n.servers, s)
	n.byID[s.ID] = s
}

func (n *nova) plug(s *server, nic createNIC) error {
	if nic.Port != "" {
		return n.cloud.neutron.bindServerPort(nic.Port, s.ID, s.ProjectID, s.Zone)
	}
	var fixed []string
	if nic.FixedIP != "" {
		fixed = []string{nic.FixedIP}
	}
	_, err := n.cloud.neutron.createServerPort(nic.UUID, nil, fixed, s.ID, s.ProjectID, s.Zone)
	return err
}

// complete fills in what was left out.
func (n *nova) complete(s *server) {
	n.serial++
	s.serial = n.serial
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&s.ID, newID())
	set(&s.Hostname, hostname(s.Name))
	set(&s.ProjectID, n.cloud.projectID())
	set(&s.UserID, n.cloud.keystone.member.user.ID)
	set(&s.Zone, n.cloud.options.Zones[0])
	set(&s.Status, "ACTIVE")
	set(&s.Host, fmt.Sprintf("compute-%d", 1+s.serial%3))
	if len(s.securityGroupNames) == 0 {
		s.securityGroupNames = []string{"default"}
	}
	if s.Metadata == nil {
		s.Metadata = map[string]string{}
	}
	if s.schedulerHints == nil {
		s.schedulerHints = map[string]any{}
	}
	if s.Created.IsZero() {
		s.Created = time.Now()
	}
	s.Updated = s.Created
}

// hostname is the name as a host may have it (nova/utils.py sanitize_hostname).
func hostname(name string) string {
	out := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c == ' ' || c == '_':
			return '-'
		}
		return -1
	}, name)
	return strings.Trim(out[:min(len(out), 63)], ".-")
}

// lastSegment is the id of a reference that may be a whole URL.
func lastSegment(reference string) string {
	return reference[strings.LastIndexByte(reference, '/')+1:]
}
