package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"underlay/internal/cloud"
	"underlay/internal/signal"
	"underlay/pkg/volumes/block"
)

// gib is the only unit of size that Cinder knows, in bytes.
const gib = int64(1) << 30

// Claim names a PersistentVolumeClaim.
type Claim struct{ Namespace, Name string }

// Claims reads the annotations of a claim; cloud.ErrNotFound when there is none.
type Claims interface {
	Annotations(ctx context.Context, claim Claim) (map[string]string, error)
}

// Announcer tells the users of a volume what happened to it. It must not block
// for long, and its failure is its own matter.
type Announcer interface {
	Announce(ctx context.Context, claim Claim, event signal.Event, message string)
}

// Options are what a Service is made of.
type Options struct {
	// Clouds are the projects by name; a request's secret "cloud" chooses, and
	// Default where it is absent.
	Clouds  map[string]Cloud
	Default string
	// Cluster is written into the metadata of all that is made (--cluster).
	Cluster string
	// Topology says that volumes have zones (--with-topology).
	Topology bool
	// AdditionalTopology is added to the topology of every volume.
	AdditionalTopology map[string]string
	// IgnoreVolumeZone leaves the zone of volumes to Cinder ([BlockStorage] ignore-volume-az).
	IgnoreVolumeZone bool
	// Claims is asked for annotations of claims (--pvc-annotations); nil: they are not read.
	Claims Claims
	// Announcer records events; nil: nobody hears them.
	Announcer Announcer
}

// Service is csi.ControllerServer and csi.GroupControllerServer. It is safe for
// concurrent use, and several processes may run one at the same time.
type Service struct {
	csi.UnimplementedControllerServer
	csi.UnimplementedGroupControllerServer

	options  Options
	projects map[string]*project
	inflight *inflight
}

var (
	_ csi.ControllerServer      = (*Service)(nil)
	_ csi.GroupControllerServer = (*Service)(nil)
)

// project is one cloud with its pollers.
type project struct {
	Cloud
	volumes   *poller[block.Volume]
	snapshots *poller[block.Snapshot]
	backups   *poller[block.Backup]
	places    *places
}

// New makes a Service. It makes no call.
func New(o Options) (*Service, error) {
	if _, ok := o.Clouds[o.Default]; !ok {
		return nil, fmt.Errorf("make controller service: there is no cloud %q to use by default", o.Default)
	}
	s := &Service{options: o, projects: map[string]*project{}, inflight: newInflight()}
	for name, c := range o.Clouds {
		s.projects[name] = newProject(c)
	}
	return s, nil
}

func newProject(c Cloud) *project {
	return &project{
		Cloud:  c,
		places: newPlaces(),
		volumes: newPoller(kind[block.Volume]{
			name: "volume", id: func(v block.Volume) string { return v.ID }, one: c.Volume,
			page: func(ctx context.Context, marker string) ([]block.Volume, string, error) {
				return c.VolumePage(ctx, marker, 0)
			},
		}),
		snapshots: newPoller(kind[block.Snapshot]{
			name: "snapshot", id: func(s block.Snapshot) string { return s.ID }, one: c.Snapshot,
			page: func(ctx context.Context, marker string) ([]block.Snapshot, string, error) {
				return c.SnapshotPage(ctx, "", marker, 0)
			},
		}),
		backups: newPoller(kind[block.Backup]{
			name: "backup", id: func(b block.Backup) string { return b.ID }, one: c.Backup,
			page: func(ctx context.Context, marker string) ([]block.Backup, string, error) {
				return c.BackupPage(ctx, "", marker, 0)
			},
		}),
	}
}

// project chooses the cloud that a request's secrets name.
func (s *Service) project(secrets map[string]string) (*project, error) {
	name := s.options.Default
	if named := secrets[block.SecretCloud]; named != "" {
		name = named
	}
	p, ok := s.projects[name]
	if !ok {
		return nil, invalid("the secret names the cloud %q, and there are %v", name, slices.Sorted(maps.Keys(s.projects)))
	}
	return p, nil
}

// begin is how every RPC begins that changes something: it chooses the cloud, takes
// what the RPC works on, so that no other does meanwhile, and leaves time for the
// answer. done gives it back.
func (s *Service) begin(ctx context.Context, secrets map[string]string, what string) (_ context.Context, p *project, done func(), err error) {
	if p, err = s.project(secrets); err != nil {
		return ctx, nil, nil, err
	}
	release, err := s.inflight.take(what)
	if err != nil {
		return ctx, nil, nil, err
	}
	ctx, cancel := within(ctx)
	return ctx, p, func() { cancel(); release() }, nil
}

// volume reads a volume; one that does not exist has StatusGone.
func (p *project) volume(ctx context.Context, id string) (block.Volume, error) {
	v, err := p.Volume(ctx, id)
	if errors.Is(err, cloud.ErrNotFound) {
		return block.Volume{ID: id, Status: block.StatusGone}, nil
	}
	return v, err
}

// settle waits until the status of a volume is one that settled takes, or until
// the volume is gone, which is StatusGone. When the time is over the error says
// which status it had last.
func (p *project) settle(ctx context.Context, id string, settled func(block.Volume) bool) (block.Volume, error) {
	v, err := p.volumes.await(ctx, id, settled)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return block.Volume{ID: id, Status: block.StatusGone}, nil
	case err != nil && v.Status != "":
		return v, unseen(ctx, fmt.Sprintf("volume %s is still %s", id, v.Status), err)
	case err != nil:
		return v, unseen(ctx, "wait for volume "+id, err)
	default:
		return v, nil
	}
}

// sameCluster says whether an object has the cluster in its metadata that a request
// writes there.
func sameCluster(actual, desired map[string]string) bool {
	cluster, ok := actual[block.MetadataCluster]
	return ok && cluster == desired[block.MetadataCluster]
}

// reason is what Cinder says of why work on a resource failed, "" if nothing. The
// newest message is not always the reason: a volume that several backends could not
// make ends with the one that no backend is left. So all are told that differ.
func (p *project) reason(ctx context.Context, id string) string {
	messages, err := p.Messages(ctx, id)
	if err != nil {
		return ""
	}
	var texts []string
	for _, m := range messages {
		if !slices.Contains(texts, m.Text) {
			texts = append(texts, m.Text)
		}
	}
	return strings.Join(texts, " ")
}

// ControllerGetCapabilities lists what this service can do.
func (s *Service) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	answer := &csi.ControllerGetCapabilitiesResponse{}
	for _, c := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
		csi.ControllerServiceCapability_RPC_LIST_VOLUMES,
		csi.ControllerServiceCapability_RPC_LIST_VOLUMES_PUBLISHED_NODES,
		csi.ControllerServiceCapability_RPC_GET_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
		csi.ControllerServiceCapability_RPC_GET_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
		csi.ControllerServiceCapability_RPC_MODIFY_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_VOLUME_HEALTH,
		csi.ControllerServiceCapability_RPC_LIST_VOLUME_HEALTH,
	} {
		answer.Capabilities = append(answer.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: c}},
		})
	}
	return answer, nil
}

// GroupControllerGetCapabilities lists what this service can do with groups.
func (s *Service) GroupControllerGetCapabilities(context.Context, *csi.GroupControllerGetCapabilitiesRequest) (*csi.GroupControllerGetCapabilitiesResponse, error) {
	return &csi.GroupControllerGetCapabilitiesResponse{Capabilities: []*csi.GroupControllerServiceCapability{{
		Type: &csi.GroupControllerServiceCapability_Rpc{Rpc: &csi.GroupControllerServiceCapability_RPC{
			Type: csi.GroupControllerServiceCapability_RPC_CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT,
		}},
	}}}, nil
}
