package controller

// Parameter is something that a user may ask of volumes by a parameter of a class
// or an annotation of a claim.
type Parameter struct {
	// On is the kind of object that has it, e.g. "StorageClass".
	On string
	// Name is as a user writes it; case does not matter in parameters.
	Name string
	// Default is what holds without it; Meaning says what it does.
	Default, Meaning string
	// Ours says that the reference driver does not have it.
	Ours bool
}

// Parameters are all of them, by object.
var Parameters = []Parameter{
	{On: onClass, Name: "type", Default: "the cloud's default", Meaning: "Name or id of the volume type. `ReadWriteMany` needs one with multiattach."},
	{On: onClass, Name: "availability", Default: "by topology", Meaning: "The availability zone of Cinder, also with `ignore-volume-az`."},
	{On: onClass, Name: "csi.storage.k8s.io/fstype", Default: "ext4", Meaning: "The filesystem: ext3, ext4, xfs or btrfs."},
	{
		On: onClass, Name: "mkfs-options", Default: "none",
		Meaning: "Arguments for mkfs, with blanks or commas between them: `-E nodiscard,-O ^metadata_csum`.",
	},
	{On: onClass, Name: "appendVolumeMetadata", Default: "none", Meaning: "A JSON object of text: metadata of the volumes in Cinder, beside the driver's own."},
	{
		On: onSnapshotClass, Name: "type", Default: "snapshot",
		Meaning: "`snapshot`, or `backup`: a copy outside of the storage, made from a snapshot of the same name that is deleted after it.",
	},
	{On: onSnapshotClass, Name: "availability", Default: "that of the volume", Meaning: "The availability zone of a backup."},
	{
		On: onSnapshotClass, Name: "incremental", Default: "false",
		Meaning: "`true`: a backup holds what has changed since the latest one of the volume; the first is a full one. One that others build upon cannot be deleted before them.",
	},
	{On: onSnapshotClass, Name: "appendVolumeMetadata", Default: "none", Meaning: "A JSON object of text: metadata of the snapshots and backups in Cinder, beside the driver's own."},
	{On: onSnapshotClass, Name: "force-create", Default: "", Meaning: "Accepted and not needed: a volume in use has its snapshot taken."},
	{On: onSnapshotClass, Name: "backup-max-duration-seconds-per-gb", Default: "", Meaning: "Accepted and not needed: nobody waits for a backup inside of a request."},
	{On: onGroupClass, Name: "groupType", Default: "", Meaning: "Needed: the group type of Cinder.", Ours: true},
	{On: onAttributesClass, Name: "type", Default: "as it is", Meaning: "Gives the volume another type (retype).", Ours: true},
	{On: onAttributesClass, Name: "migrationPolicy", Default: "never", Meaning: "`on-demand` lets Cinder move the volume to another storage for a new type.", Ours: true},
	{On: onAttributesClass, Name: "metadata/KEY", Default: "as it is", Meaning: "Sets a key of the volume's metadata.", Ours: true},
	{
		On: onClaim, Name: annotationAffinity, Default: "none",
		Meaning: "Names or ids of volumes, with commas: the new volume goes to the same storage host. Read with `--pvc-annotations`.",
	},
	{On: onClaim, Name: annotationAntiAffinity, Default: "none", Meaning: "The same for another storage host."},
}

// The objects that have parameters.
const (
	onClass           = "StorageClass"
	onSnapshotClass   = "VolumeSnapshotClass"
	onGroupClass      = "VolumeGroupSnapshotClass"
	onAttributesClass = "VolumeAttributesClass"
	onClaim           = "PersistentVolumeClaim (annotation)"
)
