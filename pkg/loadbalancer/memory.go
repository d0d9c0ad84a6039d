package loadbalancer

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/cloud-provider/service/helpers"

	"underlay/pkg/loadbalancer/tree"
)

// echoTime is how long the framework may take to come back with the Service as
// the controller itself has just annotated it.
const echoTime = 2 * time.Minute

// memory is what this process knows of each Service from its last work on it.
// Nothing depends on it but the number of calls.
type memory struct {
	mu    sync.Mutex
	byKey map[string]*recollection
}

type recollection struct {
	uid, balancer string
	// mark is the fingerprint of the Service as it was.
	mark [sha256.Size]byte
	// written are the annotations that were patched onto it at that time, and
	// whose echo has not come yet, nil: none; before are all that it had then.
	written, before map[string]string
	status          *v1.LoadBalancerStatus
	// actual is what the cloud had then.
	actual tree.Actual
	// told is the status that the framework was given or that was written.
	told *v1.LoadBalancerStatus
	at   time.Time
}

func newMemory() *memory { return &memory{byKey: map[string]*recollection{}} }

// balancer is the id of the Service's own load balancer as last seen, or "".
func (m *memory) balancer(s *subject) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byKey[s.key()]; r != nil && r.uid == s.owner.UID {
		return r.balancer
	}
	return ""
}

// keep remembers a finished piece of work.
func (m *memory) keep(s *subject, actual *tree.Actual, written map[string]string, status *v1.LoadBalancerStatus) {
	next := &recollection{
		uid: s.owner.UID, mark: fingerprint(s), written: written, before: s.service.Annotations, status: status.DeepCopy(), actual: *actual, at: time.Now(),
	}
	if actual.Balancer != nil && actual.Owned {
		next.balancer = actual.Balancer.ID
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.byKey[s.key()]; before != nil && before.uid == next.uid {
		next.told = before.told
	}
	m.byKey[s.key()] = next
}

// actual is what the cloud had for the Service after the last work on it, in a
// copy; false when nothing is known.
func (m *memory) actual(s *subject) (tree.Actual, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byKey[s.key()]
	if r == nil || r.uid != s.owner.UID || r.actual.Balancer == nil {
		return tree.Actual{}, false
	}
	actual, b := r.actual, *r.actual.Balancer
	actual.Balancer = &b
	return actual, true
}

// tell notes the status that the Service shows from now on.
func (m *memory) tell(s *subject, status *v1.LoadBalancerStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byKey[s.key()]; r != nil {
		r.told = status.DeepCopy()
	}
}

// remind gives a Service without an address the one that it was told last: the
// framework's node sync brings it as it was before that
// (cloud-provider v0.37.2, controllers/service, serviceCache).
func (m *memory) remind(s *subject) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byKey[s.key()]
	if r == nil || r.uid != s.owner.UID || r.told == nil || len(s.service.Status.LoadBalancer.Ingress) > 0 {
		return
	}
	s.service = s.service.DeepCopy()
	s.service.Status.LoadBalancer = *r.told.DeepCopy()
}

// told says whether the Service shows this status already.
func (m *memory) told(s *subject, status *v1.LoadBalancerStatus) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byKey[s.key()]
	return r != nil && r.told != nil && helpers.LoadBalancerStatusEqual(r.told, status)
}

func (m *memory) forget(s *subject) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byKey, s.key())
}

// echo answers the calls that the framework makes because of our own annotations:
// the Service is as it was but for them, or a copy of before they were written.
// It gives nil for any other call, and answers with the annotations once.
func (m *memory) echo(s *subject) *v1.LoadBalancerStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byKey[s.key()]
	if r == nil || r.written == nil || r.uid != s.owner.UID || time.Since(r.at) > echoTime || r.mark != fingerprint(s) {
		return nil
	}
	come := 0
	for key, value := range r.written {
		switch s.service.Annotations[key] {
		case value:
			come++
		case r.before[key]:
		default:
			return nil // somebody else wrote there
		}
	}
	if come == len(r.written) {
		r.written = nil
	}
	return r.status.DeepCopy()
}

// fingerprint tells whether a Service or its nodes changed in anything that a
// load balancer shows.
func fingerprint(s *subject) [sha256.Size]byte {
	nodes := make([]string, 0, len(s.nodes))
	for _, node := range s.nodes {
		nodes = append(nodes, nodePrint(node))
	}
	slices.Sort(nodes)
	text, err := json.Marshal(struct {
		Spec        v1.ServiceSpec
		Annotations map[string]string
		Deleted     bool
		Nodes       []string
	}{s.service.Spec, foreignAnnotations(s.service), s.service.DeletionTimestamp != nil, nodes})
	if err != nil {
		return [sha256.Size]byte{} // cannot be: these types always marshal
	}
	return sha256.Sum256(text)
}

func nodePrint(node *v1.Node) string {
	parts := []string{node.Name, node.Spec.ProviderID}
	for _, a := range node.Status.Addresses {
		parts = append(parts, string(a.Type), a.Address)
	}
	for _, t := range node.Spec.Taints {
		parts = append(parts, t.Key)
	}
	if node.DeletionTimestamp != nil {
		parts = append(parts, "deleted")
	}
	for _, key := range sortedKeys(node.Labels) {
		parts = append(parts, key+"="+node.Labels[key])
	}
	return strings.Join(parts, "|")
}
