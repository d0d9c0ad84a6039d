package scenario_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// kinds of what a story makes in Cinder, in the order in which they can be deleted.
var kinds = []string{"backups", "group_snapshots", "groups", "snapshots", "volumes"}

// beforeFilters is the last microversion that overlooks what a list is not asked by.
const beforeFilters = "OpenStack-API-Version: volume 3.30"

// leftover is one thing that a story has made.
type leftover struct {
	Path, ID string
	// Volumes are those of a group.
	Volumes []string
}

// left is what this story has made.
func (s *volumeStory) left(t *testing.T) (all []leftover) {
	for _, kind := range kinds {
		list := map[string][]struct {
			ID, Name string
			Volumes  []string
		}{}
		if err := s.on.client.Do(context.Background(), http.MethodGet, blocks, "/"+kind+"/detail?list_volume=true", nil, &list, beforeFilters); err != nil {
			t.Error(err)
		}
		for _, one := range list[kind] {
			if strings.HasPrefix(one.Name, s.mark) {
				all = append(all, leftover{"/" + kind + "/" + one.ID, one.ID, one.Volumes})
			}
		}
	}
	return all
}

// sweep removes what a story that failed leaves.
func (s *volumeStory) sweep(t *testing.T) {
	for deadline := time.Now().Add(oneVolume); time.Now().Before(deadline); time.Sleep(time.Second) {
		left := s.left(t)
		if len(left) == 0 {
			return
		}
		for _, one := range left {
			s.drop(one)
		}
	}
	t.Errorf("clean up: got %v left", s.left(t))
}

// drop asks to delete one thing. What is refused is tried again.
func (s *volumeStory) drop(one leftover) {
	ctx := context.Background()
	if strings.HasPrefix(one.Path, "/groups/") {
		without := object{"group": object{"remove_volumes": strings.Join(one.Volumes, ",")}}
		_ = s.on.client.Do(ctx, http.MethodPut, blocks, one.Path, without, nil, atMicroversion)
		_ = s.on.client.Do(ctx, http.MethodPost, blocks, one.Path+"/action", object{"delete": object{"delete-volumes": false}}, nil, atMicroversion)
		return
	}
	s.release(one.ID)
	for _, node := range s.nodes {
		_ = s.on.client.Do(ctx, http.MethodDelete, "compute", "/servers/"+node+"/os-volume_attachments/"+one.ID, nil, nil)
	}
	_ = s.on.client.Do(ctx, http.MethodDelete, blocks, one.Path, nil, nil, atMicroversion)
}

// release removes the attachments of a volume that Nova does not know.
func (s *volumeStory) release(volume string) {
	var held struct{ Attachments []struct{ ID string } }
	_ = s.on.client.Do(context.Background(), http.MethodGet, blocks, "/attachments?volume_id="+volume, nil, &held, atMicroversion)
	for _, one := range held.Attachments {
		_ = s.on.client.Do(context.Background(), http.MethodDelete, blocks, "/attachments/"+one.ID, nil, nil, atMicroversion)
	}
}
