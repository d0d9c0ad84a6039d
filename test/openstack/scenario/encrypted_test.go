package scenario_test

import (
	"net/http"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// encrypted is the type of volumes that have a key each in Barbican.
const encrypted = "encrypted"

// encrypted makes, attaches, copies and deletes such a volume. Cinder reaches for
// the keys as whoever asks it, so the rules for that are needed too.
func (s *volumeStory) encrypted() {
	var types struct {
		Types []struct{ Name string } `json:"volume_types"`
	}
	s.on.must(s.T, http.MethodGet, blocks, "/types", nil, &types)
	if !slices.Contains(types.Types, struct{ Name string }{encrypted}) {
		s.Log("left out: no volume type is named encrypted")
		return
	}
	restricted, before := s.ControllerClient, s.keys()
	rules := slices.Concat(driverRules(s.T), rulesOf(s.T, "access-rules-csi-encryption.json"))
	s.ControllerClient = csi.NewControllerClient(startDriver(s.T, s.on, s.on.restricted(s.T, rules)))
	wish := s.wish("secret", 1, nil)
	wish.Parameters = map[string]string{"type": encrypted}
	volume := ask(s, s.CreateVolume, wish).GetVolume().GetVolumeId()
	var shown struct{ Volume struct{ Encrypted bool } }
	if s.on.must(s.T, http.MethodGet, blocks, "/volumes/"+volume, nil, &shown); !shown.Volume.Encrypted {
		s.Errorf("got %+v, want it encrypted", shown)
	}
	ask(s, s.ControllerPublishVolume, s.publish(volume, s.nodes[0]))
	s.unpublish(volume, s.nodes[0])
	taken := ask(s, s.CreateSnapshot, &csi.CreateSnapshotRequest{SourceVolumeId: volume, Name: s.mark + "secret"}).GetSnapshot().GetSnapshotId()
	restore := s.wish("secret-again", 1, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: taken},
	}})
	restore.Parameters = wish.Parameters
	restored := ask(s, s.CreateVolume, restore).GetVolume().GetVolumeId()
	ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: restored})
	ask(s, s.DeleteSnapshot, &csi.DeleteSnapshotRequest{SnapshotId: taken})
	ask(s, s.DeleteVolume, &csi.DeleteVolumeRequest{VolumeId: volume})
	if after := s.keys(); after != before {
		s.Errorf("got %d secrets in Barbican, want %d as before", after, before)
	}
	s.ControllerClient = restricted
}

// keys counts the project's secrets.
func (s *volumeStory) keys() int {
	s.Helper()
	var list struct{ Total int }
	if s.on.client.Endpoint("key-manager") != "" {
		s.on.must(s.T, http.MethodGet, "key-manager", "/v1/secrets", nil, &list)
	}
	return list.Total
}
