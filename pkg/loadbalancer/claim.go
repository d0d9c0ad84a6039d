package loadbalancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"underlay/internal/owner"
	"underlay/pkg/loadbalancer/tree"
)

// claim says which load balancer serves a Service, and whose it is.
type claim struct {
	// balancer is nil when there is none yet, or none any more.
	balancer *tree.Balancer
	// owned: the Service's own. Else the user named it, to share it.
	owned bool
	// gone is the id that the annotation names and that does not exist any more.
	gone string
	// others have the Service's generated name and cannot be proved ours; they
	// are left alone.
	others []tree.Balancer
	// former are others on which the Service still has something, read whole.
	former []tree.Balancer
}

// ErrNotOurs says that the load balancer which an annotation names belongs to
// another cluster.
var ErrNotOurs = errors.New("belongs to another cluster")

// find decides which load balancer is the Service's:
//
//	the annotation names one
//	  that carries the mark of another cluster   → error, unless it has the name of a Service
//	                                               of this name: the Service was copied with
//	                                               its annotations, and gets its own
//	  that has the Service's generated name      → its own, where the mark of this cluster or
//	                                               other proof is there; else the Service was copied
//	                                               out of a cluster that marks nothing: left alone
//	  with another name                          → shared
//	  that does not exist, and the Service
//	  never had an address                       → error
//	  that does not exist any more               → as without annotation
//	one has the generated name and
//	  the mark of this cluster                   → its own
//	  the mark of another cluster                → never
//	  no mark, and is provably ours              → its own, adopted
//	  no mark                                    → left alone; a new one is made
//
// With leaving, the Service wants nothing any more, and what is not there is no error.
//
// One Service alone that has its own load balancer costs one call by its id;
// everything else is decided in the list of all, which shows what the Service
// left on others too.
func (c *Controller) find(ctx context.Context, k *look, s *subject, leaving bool) (claim, error) {
	if k.alone && !leaving {
		if own, err := c.findOwn(ctx, k, s); err != nil || own != nil {
			return claim{balancer: own, owned: true}, err
		}
	}
	all, err := k.all(ctx, !leaving)
	if err != nil {
		return claim{}, fmt.Errorf("list load balancers: %w", err)
	}
	found, err := c.findNamed(ctx, k, s, all, leaving)
	if err == nil && found.balancer == nil {
		err = c.findByName(ctx, k, s, all, &found)
	}
	if err == nil {
		err = c.findFormer(ctx, k, s, all, &found)
	}
	return found, err
}

// findOwn reads the load balancer that the Service had when it was last looked
// at, or that it says it has; nil where that is not certain to be its own.
func (c *Controller) findOwn(ctx context.Context, k *look, s *subject) (*tree.Balancer, error) {
	id := cmp.Or(s.known, s.named())
	if id == "" || s.named() != "" && s.named() != id {
		return nil, nil
	}
	b, err := k.byID(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read load balancer %s: %w", id, err)
	}
	if b == nil || foreign(b, s.cluster) || !s.bearsNameOf(b) || marked(b) == "" && b.Name != s.legacy && s.known != b.ID {
		return nil, nil
	}
	return b, nil
}

// findNamed looks at the load balancer that the annotation names, if any.
func (c *Controller) findNamed(ctx context.Context, k *look, s *subject, all []tree.Balancer, leaving bool) (claim, error) {
	id := s.named()
	if id == "" {
		return claim{}, nil
	}
	b := pick(all, func(b *tree.Balancer) bool { return b.ID == id })
	switch {
	case b == nil && !leaving && !s.served() && s.known != id:
		return claim{}, fmt.Errorf("annotation %s names load balancer %s, which does not exist; name one that does, or remove the annotation", annotationID, id)
	case b == nil:
		return claim{gone: id}, nil
	case !foreign(b, s.cluster):
		return c.claimNamed(ctx, k, s, b, all)
	case !leaving && !s.isNameOf(b):
		return claim{}, fmt.Errorf("annotation %s names load balancer %s (%s), which %w", annotationID, id, b.Name, ErrNotOurs)
	default:
		return claim{others: []tree.Balancer{*b}}, nil
	}
}

// claimNamed claims a load balancer that the annotation names and no other cluster
// marked: to share it or, where it has the Service's name and is ours, as its own.
func (c *Controller) claimNamed(ctx context.Context, k *look, s *subject, b *tree.Balancer, all []tree.Balancer) (claim, error) {
	if !s.bearsNameOf(b) {
		return claim{balancer: b}, nil
	}
	mine, err := c.provablyOurs(ctx, k, s, b, all)
	if err != nil || !mine {
		return claim{others: []tree.Balancer{*b}}, err
	}
	return claim{balancer: b, owned: true}, nil
}

// findByName looks for the Service's own load balancer by its generated names.
func (c *Controller) findByName(ctx context.Context, k *look, s *subject, all []tree.Balancer, found *claim) error {
	var ours []*tree.Balancer
	for i := range all {
		b := all[i]
		if !s.bearsNameOf(&b) || b.Provisioning == tree.Deleted {
			continue
		}
		mine, err := c.provablyOurs(ctx, k, s, &b, all)
		if err != nil {
			return err
		}
		if mine {
			ours = append(ours, &b)
		} else if !slices.ContainsFunc(found.others, func(o tree.Balancer) bool { return o.ID == b.ID }) {
			found.others = append(found.others, b)
		}
	}
	if len(ours) > 0 {
		slices.SortFunc(ours, preferred)
		found.balancer, found.owned = ours[0], true
	}
	return nil
}

// findFormer finds what the Service has on other load balancers: its own that
// was made twice, or one that it shared before.
func (c *Controller) findFormer(ctx context.Context, k *look, s *subject, all []tree.Balancer, found *claim) error {
	for i := range all {
		b := all[i]
		chosen := found.balancer != nil && found.balancer.ID == b.ID
		uses := slices.Contains(b.Tags, s.name) || s.bearsNameOf(&b)
		if chosen || !uses || b.Provisioning == tree.Deleted || foreign(&b, s.cluster) {
			continue
		}
		if err := c.whole(ctx, k, &b); err != nil {
			return err
		}
		ours := marked(&b) == s.cluster.UID
		if !ours {
			var err error
			if ours, err = c.leadsToUs(ctx, s, &b); err != nil {
				return err
			}
		}
		if ours {
			found.former = append(found.former, b)
		}
	}
	return nil
}

// whole reads a load balancer with all that hangs on it.
func (c *Controller) whole(ctx context.Context, k *look, b *tree.Balancer) error {
	if err := k.parts(ctx, b); err != nil {
		return fmt.Errorf("read load balancer %s: %w", b.ID, err)
	}
	if err := c.book.fill(ctx, b); err != nil {
		return fmt.Errorf("read the pools of load balancer %s: %w", b.ID, err)
	}
	return nil
}

// preferred orders duplicates: the one that serves first, then by id, so that
// everybody chooses the same.
func preferred(a, b *tree.Balancer) int {
	rank := func(b *tree.Balancer) int {
		switch b.Provisioning {
		case tree.Active, tree.PendingUpdate:
			return 0
		case tree.PendingCreate:
			return 1
		case tree.Failed:
			return 2
		case tree.PendingDelete, tree.Deleted:
			return 3
		}
		return 3
	}
	if r := rank(a) - rank(b); r != 0 {
		return r
	}
	return strings.Compare(a.ID, b.ID)
}

// bearsNameOf says whether the load balancer has a generated name of the
// Service: today's, the legacy one, or, where our mark is on it, one that it got
// under another --cluster-name.
func (s *subject) bearsNameOf(b *tree.Balancer) bool {
	return b.Name == s.name || b.Name == s.legacy || marked(b) == s.cluster.UID && s.isNameOf(b)
}

// marked is the UID of the cluster whose mark a load balancer carries, or "".
func marked(b *tree.Balancer) string {
	if uid := owner.TaggedCluster(b.Tags); uid != "" {
		return uid
	}
	return owner.DescribedCluster(b.Description)
}

func foreign(b *tree.Balancer, cluster owner.Cluster) bool {
	uid := marked(b)
	return uid != "" && uid != cluster.UID
}

// isNameOf says whether the name is that of a Service of the same namespace and
// name in a cluster of any name.
func (s *subject) isNameOf(b *tree.Balancer) bool {
	return strings.HasPrefix(b.Name, owner.ServicePrefix) && strings.HasSuffix(b.Name, "_"+s.owner.Namespace+"_"+s.owner.Name)
}
