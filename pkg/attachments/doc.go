// Package attachments frees the volumes of a deleted server: when a Node was
// deleted and Nova does not know its server any more, the Node's
// VolumeAttachments of the Cinder driver are deleted. Kubernetes would keep them
// for six minutes, waiting for a machine to unmount that does not exist.
//
// A wrong deletion takes a disk away from a machine that writes to it. So nothing
// is done without a provider ID of ours on the deleted Node, the server's id on
// the attachment itself, and Nova's word that this server is gone. Whatever is
// in doubt is left to Kubernetes.
package attachments
