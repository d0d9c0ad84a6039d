package owner_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"underlay/internal/owner"
)

var (
	cluster = owner.Cluster{Name: "blue", UID: "0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11"}
	web     = owner.Service{Namespace: "shop", Name: "web", UID: "5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2"}
)

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		cluster.BalancerName(web):                       "kube_service_blue_shop_web",
		owner.LegacyBalancerName(web):                   "a5d8c5c1e8f1e4a399a560f6ad4c7f1b",
		owner.PartName("pool", 2, "kube_service_b_s_w"): "pool_2_kube_service_b_s_w",
		owner.SecurityGroupName(web):                    "lb-sg-5d8c5c1e-8f1e-4a39-9a56-0f6ad4c7f1b2-shop-web",
		cluster.Tag():                                   "underlay_cluster_0b6e8b0e-5f0a-4f0b-9f52-3f4a6f6f2f11",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestIdentityIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := owner.Cluster{Name: rapid.StringMatching(`[a-z0-9-]{1,300}`).Draw(t, "cluster"), UID: cluster.UID}
		s := owner.Service{
			Namespace: rapid.StringMatching(`[a-z0-9]{1,63}`).Draw(t, "namespace"),
			Name:      rapid.StringMatching(`[a-z0-9]{1,63}`).Draw(t, "name"), UID: web.UID,
		}
		for _, text := range []string{c.BalancerDescription(s), c.FloatingIPDescription(s), c.SecurityGroupDescription(s)} {
			if got := owner.DescribedCluster(text); got != c.UID || len(text) > owner.MaxName {
				t.Fatalf("%q: got identity %q and %d bytes", text, got, len(text))
			}
		}
		if got := owner.TaggedCluster([]string{"a", c.BalancerName(s), c.Tag()}); got != c.UID {
			t.Fatalf("got identity %q of the tags", got)
		}
	})
}

func TestTextsOfOthersCarryNoIdentity(t *testing.T) {
	for _, text := range []string{"", "web server", "[underlay_cluster_", owner.FloatingIPPrefix + "a/b from cluster blue"} {
		if got := owner.DescribedCluster(text); got != "" {
			t.Errorf("%q: got %q, want none", text, got)
		}
	}
	if got := owner.TaggedCluster([]string{"kube_service_blue_shop_web"}); got != "" {
		t.Errorf("got %q, want none", got)
	}
}

func TestCutKeepsCharactersWhole(t *testing.T) {
	got := owner.Cut(strings.Repeat("x", 254) + "é")
	if got != strings.Repeat("x", 254) {
		t.Errorf("got %d bytes ending in %q", len(got), got[250:])
	}
}

// Of a description that is not UTF-8 the cloud keeps another text, and each
// comparison would find it changed.
func TestALongClusterNameIsCutBetweenCharacters(t *testing.T) {
	for _, name := range []string{strings.Repeat("é", 200), strings.Repeat("日", 200), strings.Repeat("x", 300), "x" + strings.Repeat("é", 200)} {
		c := owner.Cluster{Name: name, UID: cluster.UID}
		for _, text := range []string{c.BalancerDescription(web), c.FloatingIPDescription(web), c.SecurityGroupDescription(web)} {
			if !utf8.ValidString(text) || len(text) > owner.MaxName || owner.DescribedCluster(text) != c.UID {
				t.Errorf("got %q, %d bytes", text, len(text))
			}
		}
	}
}
