package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/spec"
	"underlay/pkg/loadbalancer/tree"
)

const (
	cert  = "https://barbican/v1/containers/77777777-7777-4777-8777-777777777777"
	other = "https://barbican/v1/secrets/99999999-9999-4999-8999-999999999999"
)

// samples has a value for each annotation that makes a difference, and in
// "with" what it needs beside it.
var samples = map[string]struct {
	value string
	with  map[string]string
}{
	"service.beta.kubernetes.io/openstack-internal-load-balancer": {value: "true"},
	"service.beta.kubernetes.io/load-balancer-source-ranges":      {value: "192.0.2.0/24"},
	"load-balancer-ip":                {value: "203.0.113.9"},
	"subnet-id":                       {value: id("7")},
	"network-id":                      {value: id("7")},
	"member-subnet-id":                {value: id("7")},
	"port-id":                         {value: id("7")},
	"additional-subnet-id":            {value: id("7")},
	"floating-network-id":             {value: id("7")},
	"floating-subnet-id":              {value: publicV4},
	"floating-subnet":                 {value: "public-*"},
	"floating-subnet-tags":            {value: "&a,b"},
	"keep-floatingip":                 {value: "true"},
	"port-description":                {value: "door"},
	"hostname":                        {value: "www.example.com"},
	"ip-mode":                         {value: "proxy"},
	"class":                           {value: "gold"},
	"lb-provider":                     {value: "octavia"},
	"flavor-id":                       {value: id("7")},
	"availability-zone":               {value: "az1"},
	"tags":                            {value: "blue"},
	"vip-security-group-ids":          {value: id("7")},
	"prometheus-port":                 {value: "9100", with: map[string]string{"prometheus-source-ranges": "10.0.0.0/8"}},
	"prometheus-source-ranges":        {value: "10.1.0.0/16", with: map[string]string{"prometheus-port": "9100"}},
	"protocol":                        {value: "http"},
	"use-app-protocol":                {value: "true"},
	"x-forwarded-for":                 {value: "true"},
	"x-forwarded-port":                {value: "true"},
	"x-forwarded-proto":               {value: "true"},
	"proxy-protocol":                  {value: "v1"},
	"connection-limit":                {value: "7"},
	"timeout-client-data":             {value: "7"},
	"timeout-member-connect":          {value: "7"},
	"timeout-member-data":             {value: "7"},
	"timeout-tcp-inspect":             {value: "7"},
	"default-tls-container-ref":       {value: cert},
	"sni-container-refs":              {value: other, with: map[string]string{"default-tls-container-ref": cert}},
	"tls-versions":                    {value: "TLSv1.3", with: map[string]string{"default-tls-container-ref": cert}},
	"tls-ciphers":                     {value: "AES:!aNULL", with: map[string]string{"default-tls-container-ref": cert}},
	"alpn-protocols":                  {value: "h2", with: map[string]string{"default-tls-container-ref": cert}},
	"hsts-max-age":                    {value: "7", with: map[string]string{"default-tls-container-ref": cert}},
	"hsts-include-subdomains":         {value: "true", with: map[string]string{"default-tls-container-ref": cert, "hsts-max-age": "9"}},
	"hsts-preload":                    {value: "true", with: map[string]string{"default-tls-container-ref": cert, "hsts-max-age": "9"}},
	"tls-to-members":                  {value: "true", with: map[string]string{"x-forwarded-for": "true"}},
	"lb-method":                       {value: "SOURCE_IP"},
	"node-selector":                   {value: "role=none"},
	"enable-health-monitor":           {value: "true"},
	"health-monitor-delay":            {value: "7", with: map[string]string{"enable-health-monitor": "true"}},
	"health-monitor-timeout":          {value: "2", with: map[string]string{"enable-health-monitor": "true"}},
	"health-monitor-max-retries":      {value: "7", with: map[string]string{"enable-health-monitor": "true"}},
	"health-monitor-max-retries-down": {value: "7", with: map[string]string{"enable-health-monitor": "true"}},
}

// outcome is all that an annotation can change.
type outcome struct {
	Desired tree.Desired
	Status  v1.LoadBalancerStatus
}

// outcomeOf resolves a dual-stack Service with annotations; port "" writes the
// annotation for the whole Service.
func outcomeOf(t *testing.T, name, port string, with map[string]string, value *string) outcome {
	t.Helper()
	n := worker("n1", "10.0.0.11", "fd00::11")
	in := input(web(), n)
	http := "http"
	in.Service.Spec.IPFamilies = []v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol}
	in.Service.Spec.Ports[1].AppProtocol = &http
	in.Classes["gold"] = &config.LoadBalancerClass{SubnetID: otherV4}
	for k, v := range with {
		in.Service.Annotations[spec.Prefix+k] = v
	}
	if value != nil {
		key := spec.Names[name].Key()
		if port != "" {
			key = spec.Prefix + "port." + port + "." + name
		}
		in.Service.Annotations[key] = *value
	}
	if value == nil && len(complaints(in, cloud(n))) > 0 {
		return outcome{} // it needs the annotation that is missing
	}
	w, desired, notices := resolve(t, in, cloud(n))
	for _, notice := range notices {
		if notice.Reason == spec.UnknownAnnotation {
			t.Errorf("%s: %s", name, notice.Message)
		}
	}
	return outcome{desired, *w.Status(desired, *made(desired))}
}

// TestEveryAnnotationMakesADifference gives each declared annotation a value and
// looks for what it changes.
func TestEveryAnnotationMakesADifference(t *testing.T) {
	for _, a := range spec.Annotations {
		if a.Written || a.Name == "load-balancer-id" { // the controller looks for that one
			continue
		}
		sample, ok := samples[a.Name]
		if !ok {
			t.Errorf("%s is declared and has no sample here", a.Name)
			continue
		}
		var ports []string
		if !a.OnlyPort {
			ports = append(ports, "")
		}
		if a.PerPort {
			ports = append(ports, "443", "https")
		}
		for _, port := range ports {
			without := outcomeOf(t, a.Name, port, sample.with, nil)
			with := outcomeOf(t, a.Name, port, sample.with, &sample.value)
			if cmp.Equal(without, with, cmpopts.EquateEmpty()) {
				t.Errorf("%s=%s (port %q) changes nothing", a.Name, sample.value, port)
			}
		}
	}
	for name := range samples {
		if _, ok := spec.Names[name]; !ok {
			t.Errorf("%s has a sample and is not declared", name)
		}
	}
}

// TestPortAnnotationsChangeTheirPortOnly: the other listener stays as it is.
func TestPortAnnotationsChangeTheirPortOnly(t *testing.T) {
	for _, a := range spec.Annotations {
		if !a.PerPort {
			continue
		}
		sample := samples[a.Name]
		without := outcomeOf(t, a.Name, "https", sample.with, nil)
		with := outcomeOf(t, a.Name, "https", sample.with, &sample.value)
		plain := tree.Key{Transport: tree.TCP, Port: 80}
		if diff := cmp.Diff(without.Desired.Balancer.Listener(plain), with.Desired.Balancer.Listener(plain)); diff != "" {
			t.Errorf("%s for port https changes port http:\n%s", a.Name, diff)
		}
	}
}

// TestReadLooksForWhatIsDeclared, no more and no less.
func TestReadLooksForWhatIsDeclared(t *testing.T) {
	in := input(web(), worker("n1", "10.0.0.11"))
	in.Service.Annotations[spec.Prefix+"default-tls-container-ref"] = cert
	asked := spec.Asked(in)
	for _, a := range spec.Annotations {
		if asked[a.Name] == a.Written {
			t.Errorf("%s: looked for: %v, written by the controller: %v", a.Name, asked[a.Name], a.Written)
		}
	}
	for name := range asked {
		if _, ok := spec.Names[name]; !ok {
			t.Errorf("%s is looked for and not declared", name)
		}
	}
}

// TestDeclarationsAreWhole: the reference page is made of them.
func TestDeclarationsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range spec.Annotations {
		if seen[a.Name] || a.Name == "" || a.Kind == "" || !strings.HasSuffix(a.Meaning, ".") && !strings.HasSuffix(a.Meaning, "`.") {
			t.Errorf("%q: twice, or without kind, or without a sentence that says what it means: %q", a.Name, a.Meaning)
		}
		seen[a.Name] = true
		keys := []string{a.Key()}
		if a.PerPort {
			keys = append(keys, spec.Prefix+"port.65535."+a.Name)
		}
		for _, key := range keys {
			if wrong := validation.IsQualifiedName(key); len(wrong) > 0 {
				t.Errorf("Kubernetes takes no annotation %s: %v", key, wrong)
			}
		}
		if a.Kind == spec.Enum && len(a.Values) == 0 || a.OnlyPort && !a.PerPort {
			t.Errorf("%s contradicts itself: %+v", a.Name, a)
		}
	}
}

// TestBadValuesAreNamed: no value that is not understood becomes a default.
func TestBadValuesAreNamed(t *testing.T) {
	bad := map[spec.Kind][]string{
		spec.Bool: {"yes", "1", "True"}, spec.Int: {"many", "1.5", "99999999999999999999", "-2"},
		spec.Enum: {"nonsense"}, spec.UUID: {"a-name", "1234"}, spec.UUIDs: {"a-name", id("7") + ",x"},
		spec.CIDRs: {"10.0.0.0", "10.0.0.0/33", "somewhere"}, spec.Addresses: {"10.0.0.256", "www", "fe80::1%eth0"},
		spec.Pattern: {"~(", "a["}, spec.Labels: {"=x", "a b", "a=b c"}, spec.Hostname: {"A_b", "-a", "a..b", "192.0.2.1"},
	}
	for _, a := range spec.Annotations {
		values := bad[a.Kind]
		if a.Kind == spec.List && len(a.Values) > 0 {
			values = []string{"nonsense", a.Values[0] + ",nonsense"}
		}
		if a.Written {
			continue
		}
		keys := []string{a.Key()}
		if a.PerPort {
			keys = append(keys, spec.Prefix+"port.https."+a.Name)
		}
		if a.OnlyPort {
			keys = keys[1:]
		}
		for _, key := range keys {
			for _, value := range values {
				in := input(web(), worker("n1", "10.0.0.11"))
				in.Service.Annotations[spec.Prefix+"default-tls-container-ref"] = cert
				in.Service.Annotations[key] = value
				_, err := spec.Read(in)
				found := false
				for _, p := range spec.Problems(err) {
					found = found || p.Key == key && p.Advice != ""
				}
				if !found {
					t.Errorf("%s=%q is accepted: %v", key, value, err)
				}
			}
		}
	}
}
