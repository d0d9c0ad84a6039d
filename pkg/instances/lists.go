package instances

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"underlay/internal/cloud"
)

const (
	// listAge is how old the shared lists may be for what the framework asks
	// again every few minutes anyway.
	listAge = 30 * time.Second
	// recheckAge is how old they may be when a Node's server was not in an
	// older list, or not ready there: however many Nodes have no server, the
	// lists are not read more often.
	recheckAge = 2 * time.Second
)

// newerList is how old a list may be in which to look once more for the Node's
// server. A server exists before its kubelet registers the Node, so a list
// read since then has it, and one list serves a whole wave of new Nodes.
func newerList(node *v1.Node) time.Duration {
	if node.CreationTimestamp.IsZero() {
		return recheckAge
	}
	return min(recheckAge, max(0, time.Since(node.CreationTimestamp.Time)))
}

// readServers reads and indexes the shared server list.
func (i *Instances) readServers(ctx context.Context) (*serverIndex, error) {
	servers, err := i.Cloud.Servers(ctx, 0)
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
	ports, err := i.Cloud.InstancePorts(ctx, 0)
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
