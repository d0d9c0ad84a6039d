package spec

import "strings"

// Prefix begins the key of almost every annotation.
const Prefix = "loadbalancer.openstack.org/"

// The annotations that the controller writes on a Service. A user may write
// LoadBalancerID too, to share a load balancer.
const (
	LoadBalancerID      = Prefix + "load-balancer-id"
	LoadBalancerAddress = Prefix + "load-balancer-address"
)

// Kind says how the text of an annotation is read.
type Kind string

// The kinds of annotation, in the words of the reference page.
const (
	Text      Kind = "text"
	Bool      Kind = "`true` or `false`"
	Int       Kind = "integer"
	Enum      Kind = "one of"
	List      Kind = "list"
	UUID      Kind = "UUID"
	UUIDs     Kind = "list of UUIDs"
	Addresses Kind = "list of IP addresses"
	CIDRs     Kind = "list of CIDRs"
	Pattern   Kind = "pattern"
	Labels    Kind = "label list"
	Hostname  Kind = "DNS name"
)

// Annotation declares one annotation of a Service. What the table says is what
// the reader enforces, and what the reference page shows.
type Annotation struct {
	// Name is the key after Prefix, or the whole key where Whole.
	Name  string
	Whole bool
	Kind  Kind
	// Values are what Enum and List accept, in canonical spelling; any case will do.
	Values []string
	// Min and Max bound an Int; Max 0 is no bound.
	Min, Max int
	// Default says what holds without the annotation: a value, or where it comes
	// from, such as "`lb-method`" for the key of cloud.conf.
	Default string
	Meaning string
	// Since is the first release with it; "" is the first of all.
	Since string
	// Peer: kubernetes/cloud-provider-openstack has it too, with this meaning.
	Peer bool
	// PerPort: may be written for one port, as port.PORT.NAME, and that wins.
	// OnlyPort: cannot be written otherwise.
	PerPort, OnlyPort bool
	// Written by the controller, and not read here.
	Written bool
	// Needs names the API version or provider that it depends on.
	Needs string
}

// Key is the annotation's key for a whole Service.
func (a Annotation) Key() string {
	if a.Whole {
		return a.Name
	}
	return Prefix + a.Name
}

// Groups are the annotations by what they are about, in reference order.
var Groups = []Group{
	{"Addresses and networks", addressAnnotations}, {"The load balancer as a whole", sharingAnnotations},
	{"Listeners", listenerAnnotations}, {"TLS", tlsAnnotations}, {"Pools and members", poolAnnotations},
	{"Health monitors", monitorAnnotations},
}

// Annotations declares every annotation.
var Annotations = func() []Annotation {
	var all []Annotation
	for _, g := range Groups {
		all = append(all, g.Annotations...)
	}
	return all
}()

// Group is a part of the reference page.
type Group struct {
	Title       string
	Annotations []Annotation
}

var declared = func() map[string]Annotation {
	all := map[string]Annotation{}
	for _, a := range Annotations {
		all[a.Name] = a
	}
	return all
}()

const portPrefix = Prefix + "port."

// splitPort takes the key of a port's annotation apart: the port as written, and
// the annotation's name. Neither a port's name nor its number has a dot.
func splitPort(key string) (token, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, portPrefix)
	if !ok {
		return "", "", false
	}
	token, name, _ = strings.Cut(rest, ".")
	return token, name, true
}
