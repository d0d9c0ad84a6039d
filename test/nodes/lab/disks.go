package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"underlay/pkg/simulator"
	"underlay/pkg/volumes/block"
	"underlay/test/nodes/tenant"
)

// realDevices is the variable that names the folder of a real OpenStack's block devices.
const realDevices = "UNDERLAY_OPENSTACK_DEVICES"

// CanAttach says whether the cloud of the lab has volumes that become block devices.
func (o Options) CanAttach() bool { return o.Account == nil || o.Devices != "" }

// What a cloud has for volumes beside its default type, the real one as
// test/openstack/testbed makes it.
const (
	VolumeType = "plain"
	GroupType  = "consistent"
)

// disks is what a lab with volumes has more.
type disks struct {
	simulated *simulator.Cloud // nil with a real cloud
	stop      context.CancelFunc
	ended     sync.WaitGroup
	foreign   []tenant.Volume // those that the project had before
}

// linkLength is how much of a volume's id the name of its link has, after "virtio-".
const linkLength = 20

// simulateDisks makes the volumes of a simulated cloud block devices of this computer.
func (l *Lab) simulateDisks(cloud *simulator.Cloud) error {
	if !l.opts.Disks {
		return nil
	}
	l.disks = &disks{simulated: cloud}
	cloud.AddVolumeType(simulator.VolumeTypeSpec{Name: VolumeType})
	cloud.AddGroupType(GroupType)
	return cloud.UseVolumeDevices(simulator.VolumeDevices{
		Images: l.path("volumes/images"), Links: l.path("volumes/by-id"), Sys: l.path("volumes/sys"),
	})
}

// startDisks starts what a hypervisor does: each machine has the disks of the volumes
// that Nova says its server has, and of no others.
func (l *Lab) startDisks(ctx context.Context) error {
	if !l.opts.Disks {
		return nil
	}
	if l.disks == nil {
		l.disks = &disks{}
	}
	var err error
	if l.disks.foreign, err = l.Cloud.Volumes(ctx); err != nil {
		return err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.disks.stop = cancel
	l.disks.ended.Go(func() {
		for life.Err() == nil {
			for _, m := range l.Machines() {
				if err := l.showDisks(life, m.ID); err != nil && life.Err() == nil {
					l.note("hypervisor.log", err)
				}
			}
			select {
			case <-life.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return nil
}

// note adds a line to a log of the lab.
func (l *Lab) note(name string, what error) {
	file, err := os.OpenFile(l.path("log/"+name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return // a log is all that is lost
	}
	_, _ = fmt.Fprintln(file, what)
	_ = file.Close()
}

// diskFolder is what a machine sees as /dev/disk/by-id; "" when it has no disks.
func (l *Lab) diskFolder(serverID string) string {
	if !l.opts.Disks {
		return ""
	}
	return l.path("disks/" + serverID)
}

// showDisks makes a machine's links those of its server.
func (l *Lab) showDisks(ctx context.Context, serverID string) error {
	attached, err := l.Cloud.Attached(ctx, serverID)
	if err != nil {
		return err
	}
	source := l.path("volumes/by-id")
	if l.disks.simulated == nil {
		source = filepath.Join(l.opts.Devices, serverID, "by-id")
	}
	desired := map[string]string{}
	for _, id := range attached {
		name := "virtio-" + id[:linkLength]
		device, err := os.Readlink(filepath.Join(source, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // it comes, or it goes
		}
		if err != nil {
			return err
		}
		desired[name] = device
	}
	return setLinks(l.diskFolder(serverID), desired)
}

// setLinks makes a folder hold exactly these links.
func setLinks(folder string, desired map[string]string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the machine is not up yet
	}
	problems := []error{err}
	for _, entry := range entries {
		actual, err := os.Readlink(filepath.Join(folder, entry.Name()))
		if err == nil && actual == desired[entry.Name()] {
			delete(desired, entry.Name())
			continue
		}
		problems = append(problems, err, os.Remove(filepath.Join(folder, entry.Name())))
	}
	for name, device := range desired {
		problems = append(problems, os.Symlink(device, filepath.Join(folder, name)))
	}
	return errors.Join(problems...)
}

// metadata is what the metadata service tells a server; nil when it has none.
func (l *Lab) metadata(ctx context.Context, server tenant.Server) ([]byte, error) {
	if !l.opts.Disks {
		return nil, nil
	}
	zone, err := l.Cloud.Zone(ctx, server.ID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"uuid": server.ID, "name": server.Name, "hostname": server.Name, "availability_zone": zone})
}

// HandMade begins the names of the volumes that a test makes by hand.
const HandMade = "by-hand-"

// Volumes are those that came to the project since the start of the lab, by the CSI
// driver or by hand.
func (l *Lab) Volumes(ctx context.Context) ([]tenant.Volume, error) {
	volumes, err := l.Cloud.Volumes(ctx)
	return slices.DeleteFunc(volumes, func(v tenant.Volume) bool {
		before := slices.ContainsFunc(l.disks.foreign, func(other tenant.Volume) bool { return other.ID == v.ID })
		return before || v.Metadata[block.MetadataCluster] == "" && !strings.HasPrefix(v.Name, HandMade)
	}), err
}

// stopDisks ends the hypervisor and removes the volumes that nobody deleted.
func (l *Lab) stopDisks(ctx context.Context) error {
	if l.disks == nil || l.disks.stop == nil || l.Cloud == nil {
		return nil
	}
	l.disks.stop()
	l.disks.ended.Wait()
	volumes, err := l.Volumes(ctx)
	problems := []error{err}
	for _, v := range volumes {
		problems = append(problems, l.Cloud.DeleteVolume(ctx, v.ID))
	}
	return errors.Join(problems...)
}

// closeDisks takes the block devices of a simulated cloud away.
func (l *Lab) closeDisks() error {
	if l.disks == nil || l.disks.simulated == nil {
		return nil
	}
	cloud := l.disks.simulated
	l.disks = nil
	return cloud.Close()
}
