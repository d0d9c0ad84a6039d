package controller

import (
	"context"
	"errors"
	"maps"
	"slices"

	"k8s.io/klog/v2"

	"underlay/internal/cloud"
	"underlay/internal/poll"
)

// kind is how one kind of object is read.
type kind[T any] struct {
	name string
	id   func(T) string
	one  func(ctx context.Context, id string) (T, error)
	page func(ctx context.Context, marker string) (page []T, next string, err error)
}

// poller polls one kind of object for all who wait for one. Few objects are read
// one by one, more of them with the list, whichever takes fewer calls.
type poller[T any] struct {
	*poll.Poller[T]

	kind  kind[T]
	pages int // pages of the last whole list
}

func newPoller[T any](k kind[T]) *poller[T] {
	p := &poller[T]{kind: k, pages: 1}
	p.Poller = poll.New(poll.Source[T]{
		Name: k.name,
		Read: p.read,
		Retried: func(ctx context.Context, err error) {
			klog.FromContext(ctx).V(2).Info("A poll of the storage failed and is tried again", "kind", k.name, "err", err)
		},
	})
	return p
}

// await is poll.Poller.Await; how long work takes is not learned.
func (p *poller[T]) await(ctx context.Context, id string, settled func(T) bool) (T, error) {
	return p.Await(ctx, id, "", settled)
}

// read reads what is waited for, each object by itself or all by pages.
func (p *poller[T]) read(ctx context.Context, ids []string, tell func(string, T, error)) error {
	if len(ids) > p.pages {
		var err error
		if ids, err = p.list(ctx, ids, tell); err != nil {
			return err
		}
	}
	for _, id := range ids {
		object, err := p.kind.one(ctx, id)
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			return err
		}
		tell(id, object, err)
	}
	return nil
}

// list reads pages until all that is asked for was seen. It returns what it did not
// see, which is to be read by itself: it may have moved between pages.
func (p *poller[T]) list(ctx context.Context, ids []string, tell func(string, T, error)) ([]string, error) {
	left := map[string]bool{}
	for _, id := range ids {
		left[id] = true
	}
	for marker, pages := "", 1; ; pages++ {
		page, next, err := p.kind.page(ctx, marker)
		if err != nil {
			return nil, err
		}
		for _, object := range page {
			id := p.kind.id(object)
			tell(id, object, nil)
			delete(left, id)
		}
		if next == "" || len(left) == 0 {
			p.pages = pages
			return slices.Sorted(maps.Keys(left)), nil
		}
		marker = next
	}
}
