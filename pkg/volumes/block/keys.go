package block

// Names that users, the sidecars, the controller service and the node service
// share. Those that begin with cinder.csi.openstack.org are the reference
// driver's, so that its volumes and ours are the same.
const (
	// DriverName is the name of the CSI driver.
	DriverName = "cinder.csi.openstack.org"

	// TopologyZone is the topology segment of a volume and of a node.
	TopologyZone = "topology.cinder.csi.openstack.org/zone"

	// ContextResize in a volume context says "true" where the volume was made
	// larger than what it was made from: the filesystem on it must grow.
	ContextResize = "cinder.csi.openstack.org/resizeRequired"
	// ContextOrigin in a volume context says what the volume was filled from:
	// one of the Origin values. Absent: nothing, the volume was made empty, or
	// another driver made it. A volume with an origin is never formatted.
	ContextOrigin = "cinder.csi.openstack.org/origin"
	// ContextMkfs in a volume context holds the options for mkfs, as one line. It is
	// the reference driver's name for it.
	ContextMkfs = "mkfs-options"

	// MetadataCluster in the metadata of a volume, snapshot or backup is the
	// cluster (--cluster) that made it.
	MetadataCluster = "cinder.csi.openstack.org/cluster"

	// SecretCloud is the key of a CSI secret that names the cloud.
	SecretCloud = "cloud"
)

// The values of ContextOrigin.
const (
	OriginSnapshot = "snapshot"
	OriginVolume   = "volume"
	OriginBackup   = "backup"
)

// The keys of PublishContext of ControllerPublishVolume: the device as the
// hypervisor calls it, and the size of the volume in bytes, by which the node
// tells a device that has not grown yet. PublishEncrypted is "true" where the type of
// the volume encrypts it, so that the machine sees noise where nothing was written.
const (
	PublishDevice = "DevicePath"
	PublishSize   = "cinder.csi.openstack.org/sizeBytes"

	PublishEncrypted = "cinder.csi.openstack.org/encrypted"
)
