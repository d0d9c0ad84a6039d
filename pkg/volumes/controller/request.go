package controller

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"underlay/pkg/volumes/block"
)

// Parameters of a StorageClass. Their names are read without regard to case, as
// the in-tree driver did.
const (
	paramType     = "type"
	paramZone     = "availability"
	paramMkfs     = "mkfs-options"
	paramMetadata = "appendvolumemetadata"
)

// Prefix of the parameters that the sidecars add.
const sidecarPrefix = "csi.storage.k8s.io/"

// order is what a CreateVolume request asks for.
type order struct {
	name  string
	sizes sizes
	// volumeType is a name or an id, or "".
	volumeType string
	// zone is the class's own choice, or "".
	zone string
	// zones are those that the topology allows, the best first; nil where it does not say.
	zones      []string
	topologies []*csi.Topology
	mkfs       string
	metadata   map[string]string
	claim      Claim
	// fromVolume and fromSnapshot are ids; at most one is set.
	fromVolume, fromSnapshot string
	// shared says that several nodes write to it at a time.
	shared bool
}

// sizes is a range in GiB; most 0 is no limit.
type sizes struct{ least, most int64 }

func (s sizes) has(gib int64) bool { return gib >= s.least && (s.most == 0 || gib <= s.most) }

// readSizes rounds a range to whole GiB; without one the least is none.
func readSizes(r *csi.CapacityRange, none int64) (sizes, error) {
	required, limit := r.GetRequiredBytes(), r.GetLimitBytes()
	if required < 0 || limit < 0 {
		return sizes{}, invalid("a size is negative")
	}
	if limit > 0 && limit < required {
		return sizes{}, status.Errorf(codes.OutOfRange, "the limit of %d bytes is below the %d that are required", limit, required)
	}
	s := sizes{least: required / gib, most: limit / gib}
	if required%gib != 0 {
		s.least++
	}
	if s.least == 0 {
		s.least = none
	}
	if limit > 0 && s.most < s.least {
		return sizes{}, status.Errorf(codes.OutOfRange, "Cinder makes volumes of whole GiB, and no multiple of one is between %d and %d bytes", required, limit)
	}
	return s, nil
}

// readOrder reads and checks a request.
func (s *Service) readOrder(r *csi.CreateVolumeRequest) (*order, error) {
	if r.GetName() == "" {
		return nil, invalid("the request has no name")
	}
	if len(r.GetName()) > 255 {
		return nil, invalid("Cinder keeps names of up to 255 bytes, and the name has %d", len(r.GetName()))
	}
	if err := checkCapabilities(r.GetVolumeCapabilities()); err != nil {
		return nil, err
	}
	o := &order{name: r.GetName(), metadata: map[string]string{block.MetadataCluster: s.options.Cluster}}
	var err error
	if o.sizes, err = readSizes(r.GetCapacityRange(), 0); err != nil {
		return nil, err
	}
	parameters := maps.Clone(r.GetParameters())
	if parameters == nil {
		parameters = map[string]string{}
	}
	maps.Copy(parameters, r.GetMutableParameters())
	if err := checkMutable(r.GetMutableParameters()); err != nil {
		return nil, err
	}
	if err := o.readParameters(parameters); err != nil {
		return nil, err
	}
	o.readTopology(r.GetAccessibilityRequirements())
	for _, c := range r.GetVolumeCapabilities() {
		o.shared = o.shared || manyWriters(c.GetAccessMode().GetMode())
	}
	return o, o.readSource(r.GetVolumeContentSource())
}

func (o *order) readParameters(parameters map[string]string) error {
	for name, value := range parameters {
		switch strings.ToLower(name) {
		case paramType:
			o.volumeType = value
		case paramZone:
			o.zone = value
		case paramMkfs:
			o.mkfs = value
		case paramMetadata:
			extra, err := readMetadata(value)
			if err != nil {
				return err
			}
			addMetadata(o.metadata, extra)
		default:
			// What the provisioner says of the claim goes into the metadata. Other
			// parameters mean nothing here, as they meant nothing to the reference driver.
			if strings.HasPrefix(name, sidecarPrefix+"pv") {
				o.metadata[name] = value
			}
			if text, ok := strings.CutPrefix(name, metadataPrefix); ok {
				o.metadata[text] = value
			}
		}
	}
	o.claim = Claim{Namespace: parameters[claimNamespace], Name: parameters[claimName]}
	return nil
}

// readMetadata reads the JSON map of appendVolumeMetadata.
func readMetadata(text string) (map[string]string, error) {
	var m map[string]string
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, invalid("the parameter appendVolumeMetadata is no JSON map of texts: %v", err)
	}
	for key, value := range m {
		if err := checkMetadata(key, value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// addMetadata adds what a class appends. What is there already wins, but for the
// cluster: a class may name another one, as with the reference driver.
func addMetadata(metadata, extra map[string]string) {
	for key, text := range extra {
		if _, taken := metadata[key]; !taken || key == block.MetadataCluster {
			metadata[key] = text
		}
	}
}

// checkMetadata refuses what Cinder would.
func checkMetadata(key, value string) error {
	if key == "" || len(key) > 255 || len(value) > 255 {
		return invalid("Cinder keeps metadata of 1 to 255 bytes: %q", key)
	}
	return nil
}

func (o *order) readTopology(r *csi.TopologyRequirement) {
	o.topologies = r.GetPreferred()
	if len(o.topologies) == 0 {
		o.topologies = r.GetRequisite()
	}
	seen := map[string]bool{}
	for _, list := range [][]*csi.Topology{r.GetPreferred(), r.GetRequisite()} {
		for _, t := range list {
			if zone := t.GetSegments()[block.TopologyZone]; zone != "" && !seen[zone] {
				seen[zone] = true
				o.zones = append(o.zones, zone)
			}
		}
	}
}

func (o *order) readSource(source *csi.VolumeContentSource) error {
	if source == nil {
		return nil
	}
	o.fromVolume, o.fromSnapshot = source.GetVolume().GetVolumeId(), source.GetSnapshot().GetSnapshotId()
	if o.fromVolume == "" && o.fromSnapshot == "" {
		return invalid("the request names neither a volume nor a snapshot as its source")
	}
	return nil
}
