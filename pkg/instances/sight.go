package instances

import (
	"context"
	"errors"
	"time"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/cloud"
)

const (
	// sightAge is how long what was seen of a server is believed, so that
	// InstanceExists and the InstanceShutdown right after it share one call.
	sightAge = 2 * time.Second
	// crowd is the number of Nodes that are not Ready, or of servers asked for
	// within minGap, from which on one list of servers is cheaper than one GET for each.
	crowd = 10
)

// sighting is what was last seen of one server.
type sighting struct {
	at time.Time // before the call was made
	// server is nil when it was not found.
	server *Server
	// held is set when it was not asked for at all: a list lacks it, and so
	// many others that nothing will be removed anyway.
	held *survey
}

// sightAny gives the first of the servers that is found, else the last sighting.
func (i *Instances) sightAny(ctx context.Context, ids []string) (sighting, error) {
	var seen sighting
	for _, id := range ids {
		var err error
		if seen, err = i.sight(ctx, id); err != nil || seen.server != nil {
			return seen, err
		}
	}
	return seen, nil
}

// sight looks for one server: in memory, when many Nodes are not Ready in a
// shared list, and with one GET.
func (i *Instances) sight(ctx context.Context, id string) (sighting, error) {
	i.mu.Lock()
	seen, ok := i.sightings[id]
	i.mu.Unlock()
	if ok && time.Since(seen.at) <= sightAge {
		return seen, nil
	}
	seen, err := i.look(ctx, id)
	if err != nil {
		return sighting{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sightings[id] = seen
	return seen, nil
}

func (i *Instances) look(ctx context.Context, id string) (sighting, error) {
	seen := sighting{at: time.Now()}
	// That a list has it proves that it is there, as long as the list is new;
	// that a list lacks it proves nothing.
	if listed, ok := i.servers.Peek(minGap); ok {
		if server := listed.byID[id]; server != nil && server.Status == statusActive {
			seen.server = server
			return seen, nil
		}
	}
	if i.crowded() || i.rushed() {
		listed, err := i.servers.Get(ctx, minGap)
		if err != nil {
			return seen, err
		}
		if seen.server = listed.byID[id]; seen.server != nil {
			return seen, nil
		}
		if census := i.count(listed); census.held() {
			seen.held = &census
			return seen, nil
		}
	}
	server, err := i.Cloud.Server(ctx, id)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return seen, nil
	case err != nil:
		return seen, err
	}
	seen.server = &server
	return seen, nil
}

// rush counts the servers that were asked for since it began.
type rush struct {
	began time.Time
	asked int
}

// rushed counts one more server, and says whether there were many within minGap. The
// Nodes that the framework asks about were not Ready when it began to ask; at a cold
// start they are by now, and not crowded any more.
func (i *Instances) rushed() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Since(i.rush.began) > minGap {
		i.rush = rush{began: time.Now()}
	}
	i.rush.asked++
	return i.rush.asked > crowd
}

// crowded says whether many Nodes are not Ready: those are asked for every period.
func (i *Instances) crowded() bool {
	unready := 0
	for _, node := range i.Nodes() {
		if readiness(node) != v1.ConditionTrue {
			unready++
		}
	}
	return unready > crowd
}
