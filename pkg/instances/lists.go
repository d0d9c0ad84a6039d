package instances

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

const (
	// listAge is how old the shared lists may be for what the framework asks
	// again every few minutes anyway.
	listAge = time.Minute
	// recheckAge is how old they may be when a Node's server was not in an
	// older list, or not ready there. A machine runs before its kubelet
	// registers it, so one list read after a wave of new Nodes has them all;
	// and however many Nodes have no server, the lists are not read more often.
	recheckAge = 2 * time.Second
	// sourceAge is how old the source's own list may be when it is read; it
	// adds to the above. Other features read the same lists.
	sourceAge = time.Second
)

// readServers reads and indexes the shared server list.
func (i *Instances) readServers(ctx context.Context) (*serverIndex, error) {
	servers, err := i.Cloud.Servers(ctx, sourceAge)
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	return indexServers(servers), nil
}

// readPorts reads and indexes the shared port list. Where these credentials
// may not list ports, Nova's address map has to do: an empty index, and one
// line in the log. Any other failure is an error, since without its ports a
// Node would lose addresses.
func (i *Instances) readPorts(ctx context.Context) (*portIndex, error) {
	ports, err := i.Cloud.InstancePorts(ctx, sourceAge)
	denied := errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrUnsupported)
	if err != nil && !denied {
		return nil, fmt.Errorf("list ports: %w", err)
	}
	i.mu.Lock()
	news := denied && !i.portsDenied
	i.portsDenied = denied
	i.mu.Unlock()
	if news {
		klog.FromContext(ctx).Error(err, "Ports cannot be listed: nodes show only the addresses that Nova knows, without trunk subports")
	}
	return indexPorts(ports), nil
}
