package simulator

import (
	"encoding/binary"
	"hash/maphash"
	"net/http"
	"strconv"
	"time"
)

const (
	eventStream = "text/event-stream"
	// pageLook is how often a page that is open is compared with the cloud, and
	// so how close two events are at most.
	pageLook = 250 * time.Millisecond
	// pageBeat is how long the stream is silent at most: the page knows then that
	// the cloud is still there, and brings its calls a minute up to date.
	pageBeat = 5 * time.Second
)

// pageEvent says that the cloud is as of a revision.
func pageEvent(revision string) []byte {
	return []byte("retry: 1000\nevent: change\nid: " + revision + "\ndata: {\"revision\":\"" + revision + "\"}\n\n")
}

// servePageEvents keeps a page informed until its reader goes away. It works in
// the request's own goroutine: a cloud that nobody looks at does nothing.
func (c *Cloud) servePageEvents(w http.ResponseWriter, r *http.Request) {
	for key, values := range pageHeader() {
		w.Header()[key] = values
	}
	w.Header().Set("Content-Type", eventStream)
	stream := http.NewResponseController(w)
	ticker := time.NewTicker(pageLook)
	defer ticker.Stop()
	told, at := "", time.Time{}
	for {
		if now := c.pageRevision(); now != told || time.Since(at) >= pageBeat {
			told, at = now, time.Now()
			if _, err := w.Write(pageEvent(now)); err != nil {
				return // the reader is gone
			}
			if err := stream.Flush(); err != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

var pageSeed = maphash.MakeSeed()

// pageRevision changes with everything that the page shows but the passing of
// time. It copies nothing: it is asked four times a second by each open page.
func (c *Cloud) pageRevision() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum maphash.Hash
	sum.SetSeed(pageSeed)
	for _, s := range c.nova.servers {
		mark(&sum, len(s.Name), s.ID, s.Name, s.status())
	}
	markRows(&sum, c.neutron.networks)
	markRows(&sum, c.neutron.subnets)
	markRows(&sum, c.neutron.routers)
	markRows(&sum, c.neutron.ports)
	markRows(&sum, c.neutron.floatingIPs)
	note := func(number int, texts ...string) { mark(&sum, number, texts...) }
	c.octavia.revision(note)
	c.cinder.revision(note)
	mark(&sum, len(c.calls))
	for _, call := range c.calls[max(0, len(c.calls)-maxCalls):] {
		mark(&sum, call.Status, call.RequestID, call.Fault)
	}
	return strconv.FormatUint(sum.Sum64(), 36)
}

func markRows[T row](sum *maphash.Hash, k *kind[T]) {
	for v := range k.all {
		mark(sum, v.base().Revision, v.base().ID)
	}
	mark(sum, -1) // where the next collection begins
}

func mark(sum *maphash.Hash, number int, texts ...string) {
	var bytes [8]byte
	binary.LittleEndian.PutUint64(bytes[:], uint64(number))
	_, _ = sum.Write(bytes[:]) // it never fails
	for _, text := range texts {
		_, _ = sum.WriteString(text)
	}
}
