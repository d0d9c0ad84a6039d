package simulator

import (
	"fmt"
	"net/http"
	"slices"
)

// What a volume is made from, as cinder/volume/flows/api/create_volume.py
// (ExtractVolumeRequestTask) demands it.

// fromSource takes over what the source gives: a volume, snapshot, backup or image.
func (s *cinder) fromSource(r *request, wanted *volumeBody, v *cinderVolume) error {
	sources := 0
	for _, one := range []*string{wanted.Snapshot, wanted.Source, wanted.Backup, wanted.Image, wanted.ImageID} {
		if given(one) != "" {
			sources++
		}
	}
	var err error
	switch {
	case sources > 1:
		return badCinderInput("May specify only one of snapshot, source volume, backup or image")
	case given(wanted.Source) != "":
		err = s.fromVolume(r, given(wanted.Source), v)
	case given(wanted.Snapshot) != "":
		err = s.fromSnapshot(r, given(wanted.Snapshot), v)
	case given(wanted.Backup) != "":
		err = s.fromBackup(r, given(wanted.Backup), v)
	case sources == 1:
		err = s.fromImage(lastSegment(given(wanted.Image)+given(wanted.ImageID)), v)
	}
	if err == nil && v.size == 0 {
		return badCinderInput("Volume size None must be an integer and greater than 0")
	}
	return err
}

func (s *cinder) fromVolume(r *request, id string, v *cinderVolume) error {
	source, err := s.volume(r, id)
	switch {
	case err != nil:
		return err
	case source.Status != cinderAvailable && source.Status != cinderInUse:
		return invalidVolume("Unable to create a volume from an originating source volume when its status is not one of ('available', 'in-use') values")
	}
	if err := v.atLeast(source.size, "original volume size"); err != nil {
		return err
	}
	v.sourceID = source.ID
	return v.like(source.kind, source.zone, source.bootable)
}

func (s *cinder) fromSnapshot(r *request, id string, v *cinderVolume) error {
	snapshot, err := s.snapshots.visible(r, "Snapshot", id)
	switch {
	case err != nil:
		return err
	case snapshot.Status != cinderAvailable:
		return cinderErrorf(http.StatusBadRequest, "Invalid snapshot: Originating snapshot status must be one of 'available' values")
	}
	if err := v.atLeast(snapshot.size, "the snapshot size"); err != nil {
		return err
	}
	v.snapshotID = snapshot.ID
	zone, bootable := v.zone, false
	if origin := s.volumes.byID[snapshot.volumeID]; origin != nil {
		zone, bootable = origin.zone, origin.bootable
	}
	return v.like(snapshot.kind, zone, bootable)
}

func (s *cinder) fromBackup(r *request, id string, v *cinderVolume) error {
	backup, err := s.backups.visible(r, "Backup", id)
	switch {
	case err != nil:
		return err
	case backup.Status != cinderAvailable:
		return cinderErrorf(http.StatusBadRequest, "Invalid backup: Originating backup status must be one of 'available' values")
	}
	v.backupID = backup.ID
	return v.atLeast(backup.size, "the backup size")
}

func (s *cinder) fromImage(id string, v *cinderVolume) error {
	at := slices.IndexFunc(s.cloud.glance.images, func(i *image) bool { return i.ID == id })
	if at < 0 {
		return cinderErrorf(http.StatusBadRequest, "Invalid image identifier or unable to access requested image.")
	}
	v.imageID, v.bootable = id, true
	return nil
}

// atLeast: a volume without a size has its source's, and none is smaller.
func (v *cinderVolume) atLeast(size int, what string) error {
	if v.size == 0 {
		v.size = size
	}
	if v.size < size {
		return badCinderInput(fmt.Sprintf("Volume size '%d'GB cannot be smaller than %s %dGB. They must be >= %s.", v.size, what, size, what))
	}
	return nil
}

// like takes over the type and the zone of a source where none is asked for. All
// backends are alike, so another type is no hindrance.
func (v *cinderVolume) like(kind *cinderType, zone string, bootable bool) error {
	if v.kind == nil {
		v.kind = kind
	}
	if v.kind.Encrypted != kind.Encrypted {
		return badCinderInput("Invalid volume_type provided: ", v.kind.ID,
			" (requested type is not compatible; either match source volume, or omit type argument).")
	}
	v.zone, v.bootable = zone, bootable
	return nil
}

// fromGroup: a volume of a group has one of the group's types.
func (s *cinder) fromGroup(r *request, wanted *volumeBody, v *cinderVolume) error {
	id := given(wanted.Group)
	if id == "" {
		return nil
	}
	group, err := s.groups.visible(r, "Group", id)
	switch {
	case err != nil:
		return err
	case v.kind == nil:
		return badCinderInput("volume_type must be provided when creating a volume in a group.")
	case !slices.Contains(group.types, v.kind):
		return badCinderInput("Invalid volume_type provided: ", v.kind.ID, " (requested type must be supported by this group).")
	}
	v.groupID = group.ID
	return nil
}
