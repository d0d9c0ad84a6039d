package spec

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"

	"underlay/internal/owner"
	"underlay/pkg/config"
)

// Input is all that Read looks at. It is not modified.
type Input struct {
	Service *v1.Service
	// Nodes are those that may become members, in any order.
	Nodes        []*v1.Node
	Config       config.LoadBalancer
	Classes      map[string]*config.LoadBalancerClass
	Cluster      owner.Cluster
	ClusterCIDRs []netip.Prefix
}

// Wish is a Service that was read: everything that can be known without the cloud.
type Wish struct {
	cluster      owner.Cluster
	service      owner.Service
	config       config.LoadBalancer
	clusterCIDRs []netip.Prefix

	internal, keepFloatingIP bool
	// families are the Service's, the preferred one first; never empty.
	families []v1.IPFamily
	hostname string
	// had are the addresses that the Service's status tells, by family.
	had map[v1.IPFamily]string
	// ipMode is what the user says, "" where nothing.
	ipMode string

	kind       kindWish
	vip        vipWish
	floating   floatingWish
	ranges     rangesWish
	ports      []portWish
	prometheus prometheusWish
	// nodes are the members to be; allNodes tell where the cluster is.
	nodes, allNodes []node
	// checkPort is healthCheckNodePort of a Service with
	// externalTrafficPolicy=Local, else 0.
	checkPort int

	notices []Notice
}

// kindWish is what is fixed when a load balancer is made, and its tags.
type kindWish struct {
	provider, flavor, zone setting[string]
	tags                   []string // sorted
	vipGroups              setting[[]string]
}

// Read understands a Service. The error joins a Problem for each thing that it
// does not understand; then the Wish is not to be used.
func Read(in Input) (Wish, error) {
	r := &reader{texts: in.Service.Annotations, asked: map[string]bool{}}
	w := r.read(in)
	return w, join(r.problems)
}

func (r *reader) read(in Input) Wish {
	s := r.service()
	w := Wish{
		cluster: in.Cluster, service: serviceOf(in.Service), config: in.Config, clusterCIDRs: in.ClusterCIDRs,
		keepFloatingIP: s.boolean(keepFloatingIP, false).value,
		families:       families(in.Service), had: had(in.Service), hostname: s.hostname(hostname).value, ipMode: s.enum(ipMode, "").value,
	}
	w.internal = s.boolean(internalLB, false).value || in.Config.InternalLB
	s.uuid(balancerID, "")
	class := r.class(in)
	w.kind = s.kind(in.Config, class)
	w.vip = s.vip(in.Config, class, !w.internal)
	w.floating = s.floating(in.Config, class)
	r.addresses(in.Service, &w)
	w.ranges = s.ranges(in.Service)
	w.readPorts(r, in, class)
	w.prometheus = s.prometheus(in.Service)
	w.nodes, w.allNodes = s.nodes(in)
	r.unknown(in.Service, &w)
	return w
}

func serviceOf(service *v1.Service) owner.Service {
	return owner.Service{Namespace: service.Namespace, Name: service.Name, UID: string(service.UID)}
}

// families are the Service's IP families; the API server fills them in.
func families(service *v1.Service) []v1.IPFamily {
	if len(service.Spec.IPFamilies) == 0 {
		return []v1.IPFamily{v1.IPv4Protocol}
	}
	return service.Spec.IPFamilies
}

// had are the addresses by which the Service is known, the first of each family.
func had(service *v1.Service) map[v1.IPFamily]string {
	all := map[v1.IPFamily]string{}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		address, err := netip.ParseAddr(ingress.IP)
		if err != nil {
			continue // a host name
		}
		if family := familyOfText(ingress.IP); all[family] == "" {
			all[family] = address.String()
		}
	}
	return all
}

// class finds the class that the Service names; never nil.
func (r *reader) class(in Input) *config.LoadBalancerClass {
	name := r.service().text(class, "")
	if name.value == "" {
		return &config.LoadBalancerClass{}
	}
	if found := in.Classes[name.value]; found != nil {
		return found
	}
	var known []string
	for n := range in.Classes {
		known = append(known, n)
	}
	slices.Sort(known)
	advice := `cloud.conf has no class; add [LoadBalancerClass "` + name.value + `"] to it`
	if len(known) > 0 {
		advice = "write " + alternatives(known) + ", or add it to cloud.conf"
	}
	r.reject(name.key, name.value, "is not a class in cloud.conf", advice)
	return &config.LoadBalancerClass{}
}

func (s scope) kind(conf config.LoadBalancer, class *config.LoadBalancerClass) kindWish {
	k := kindWish{
		provider:  s.chosen(provider, cmp.Or(class.LBProvider, conf.LBProvider)),
		flavor:    s.uuid(flavorID, cmp.Or(class.FlavorID, conf.FlavorID)),
		zone:      s.text(zone, cmp.Or(class.AvailabilityZone, conf.AvailabilityZone)),
		tags:      split(cmp.Or(class.Tags, conf.Tags)),
		vipGroups: s.uuids(vipGroups),
	}
	if f, ok := s.find(flavorID); ok && f.text == "" {
		k.flavor.value = "" // none, whatever cloud.conf says
	}
	if own := s.list(tags); own.key != "" {
		k.tags = own.value
	}
	for _, tag := range k.tags {
		if strings.HasPrefix(tag, owner.ServicePrefix) || owner.TaggedCluster([]string{tag}) != "" {
			s.reject(Prefix+tags, tag, "begins like the tags that say whose a load balancer is", "choose another beginning")
		}
		if len(tag) > owner.MaxName {
			s.reject(Prefix+tags, tag, "is too long", fmt.Sprintf("a tag has at most %d characters", owner.MaxName))
		}
	}
	slices.Sort(k.tags)
	k.tags = slices.Compact(k.tags)
	return k
}

// unknown looks at the keys that begin like ours and are not: a typing mistake
// would be invisible otherwise. For a whole Service that is a notice, since
// other programs may use the prefix; for a port it is a problem.
func (r *reader) unknown(service *v1.Service, w *Wish) {
	var names, perPort []string
	for _, a := range Annotations {
		if !a.Whole && !a.OnlyPort {
			names = append(names, a.Name)
		}
		if a.PerPort {
			perPort = append(perPort, a.Name)
		}
	}
	for key, value := range service.Annotations {
		token, name, ok := splitPort(key)
		if ok {
			r.checkToken(service, key, token)
			if !declared[name].PerPort {
				r.reject(key, value, "is not an annotation for one port", suggest(name, perPort))
			}
			continue
		}
		if name, ok := strings.CutPrefix(key, Prefix); ok && !slices.Contains(names, name) {
			w.notice(UnknownAnnotation, "annotation %s is not known here and has no effect; %s", key, suggest(name, names))
		}
	}
}

func suggest(name string, names []string) string {
	if near := config.Nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "remove it, or see the reference page of the annotations"
}

func (w *Wish) notice(reason, format string, args ...any) {
	w.notices = append(w.notices, Notice{Reason: reason, Message: fmt.Sprintf(format, args...)})
}
