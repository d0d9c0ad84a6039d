package spec_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"underlay/pkg/loadbalancer/tree"
)

// TestTheHowToWorks resolves the Services that the how-to on TLS shows.
func TestTheHowToWorks(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "how-to", "end-tls-at-the-load-balancer.md"))
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for i, part := range strings.Split(string(page), "```yaml\n") {
		if i > 0 {
			example, _, _ := strings.Cut(part, "```")
			examples = append(examples, example)
		}
	}
	if len(examples) != 2 {
		t.Fatalf("found %d examples", len(examples))
	}
	for i, example := range examples {
		service := web()
		http, https := "http", "https"
		service.Spec.Ports[0].AppProtocol, service.Spec.Ports[1].AppProtocol = &http, &https
		if i == 0 {
			service.Spec.Ports = nil
		}
		if err := yaml.UnmarshalStrict([]byte(example), service); err != nil {
			t.Fatal(err)
		}
		n := worker("n1", "10.0.0.11")
		_, d, notices := resolve(t, input(service, n), cloud(n))
		plain, tls := d.Balancer.Listeners[0], d.Balancer.Listeners[1]
		if plain.Protocol != tree.HTTP || tls.Protocol != tree.TerminatedHTTPS || tls.Settings.DefaultTLSContainerRef == nil || len(notices) > 0 {
			t.Errorf("example %d: got %s and %s, notices %v", i, plain.Protocol, tls.Protocol, notices)
		}
	}
}
