package instances

import (
	"context"
	"errors"
	"fmt"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/cloud"
)

// errUnproven says that a server was not found and that this proves nothing.
var errUnproven = errors.New("not proven to be gone")

// ServerOf is the id of the server that the Node's provider ID names, "" when it
// has none or it is not ours. It makes no call.
func (i *Instances) ServerOf(node *v1.Node) string {
	if node.Spec.ProviderID == "" {
		return ""
	}
	return i.knownServer(node)
}

// ServerGone says whether a server is gone for good, where no Node is left to be
// watched. It is for what follows on the end of a Node, and takes the same proof
// but the second 404: Nova's own 404, a fresh list of the project that can be read and
// does not show the server, and the brake off. A soft-deleted server may be
// restored and is not gone. An error says that it is not known.
//
// It makes one call for the server; the list is shared by all who ask within minGap.
func (i *Instances) ServerGone(ctx context.Context, id string) (bool, error) {
	_, err := i.Cloud.Server(ctx, id)
	switch {
	case err == nil:
		return false, nil
	case !errors.Is(err, cloud.ErrNotFound):
		return false, err
	}
	listed, err := i.servers.Get(ctx, minGap)
	if err != nil {
		return false, err
	}
	if listed.hasAny([]string{id}) {
		return false, fmt.Errorf("%w: a list has it", errUnproven)
	}
	if census := i.count(listed); census.held() {
		return false, fmt.Errorf("%w: the servers of %d of %d nodes are missing at once", errUnproven, census.missing, census.known)
	}
	return true, nil
}
