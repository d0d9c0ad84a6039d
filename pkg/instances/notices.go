package instances

import (
	"sync"
	"time"
)

// reminder is how long a standing trouble stays unsaid after it was said.
// Kubernetes keeps events for an hour, so within it there is always one.
const reminder = 30 * time.Minute

// notices remembers what was said of which Node, so that a trouble that is
// found again every few seconds is told once, and then now and again.
type notices struct {
	mu   sync.Mutex
	said map[string]map[string]time.Time // node key → topic → when
}

// due says whether the topic is to be said of the Node now, and if so counts
// it as said. With every == 0 it is due once.
func (n *notices) due(node, topic string, every time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	topics := n.said[node]
	if topics == nil {
		topics = map[string]time.Time{}
		n.said[node] = topics
	}
	if last, ok := topics[topic]; ok && (every == 0 || time.Since(last) < every) {
		return false
	}
	topics[topic] = time.Now()
	return true
}

// over ends a topic: when the trouble comes again it is said again.
func (n *notices) over(node string, topics ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, topic := range topics {
		delete(n.said[node], topic)
	}
}

// keep forgets all Nodes but these.
func (n *notices) keep(nodes map[string]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for node := range n.said {
		if !nodes[node] {
			delete(n.said, node)
		}
	}
}
