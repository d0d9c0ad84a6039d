package cloudprovider

import (
	"strings"
	"testing"

	"underlay/pkg/config"
)

func TestDecideRoutes(t *testing.T) {
	section := config.Route{Present: true}
	for name, tc := range map[string]struct {
		flags      RouteFlags
		route      config.Route
		wantCIDRs  string
		wantReason string
		surprising bool
		wantErr    string
	}{
		"section and CIDR":               {flags: RouteFlags{true, false, false, "10.244.0.0/16"}, route: section, wantCIDRs: "10.244.0.0/16"},
		"section with a router":          {flags: RouteFlags{true, false, false, "10.244.0.0/16"}, route: config.Route{Present: true, RouterID: "r"}, wantCIDRs: "10.244.0.0/16"},
		"no section, flag given":         {flags: RouteFlags{true, true, false, "10.244.0.0/16"}, wantCIDRs: "10.244.0.0/16"},
		"no section, flag at default":    {flags: RouteFlags{true, false, false, "10.244.0.0/16"}, wantReason: "no [Route] section"},
		"turned off":                     {flags: RouteFlags{false, true, false, "10.244.0.0/16"}, route: section, wantReason: "--configure-cloud-routes=false"},
		"controller turned off":          {flags: RouteFlags{true, true, true, "10.244.0.0/16"}, route: section, wantReason: "--controllers"},
		"CIDR missing does not crash":    {flags: RouteFlags{true, false, false, ""}, route: section, wantReason: "--cluster-cidr is missing", surprising: true},
		"CIDR of spaces":                 {flags: RouteFlags{true, false, false, "  "}, route: section, wantReason: "--cluster-cidr is missing", surprising: true},
		"dual stack, spaces, sloppy":     {flags: RouteFlags{true, false, false, "10.244.3.4/16, fd00:0::1/56"}, route: section, wantCIDRs: "10.244.0.0/16 fd00::/56"},
		"not a CIDR":                     {flags: RouteFlags{true, false, false, "10.244.0.0"}, route: section, wantErr: `"10.244.0.0" is not a CIDR`},
		"two of one family":              {flags: RouteFlags{true, false, false, "10.1.0.0/16,10.2.0.0/16"}, route: section, wantErr: "same address family"},
		"every problem at once":          {flags: RouteFlags{true, false, false, "x,10.1.0.0/16,10.2.0.0/16"}, route: section, wantErr: "is not a CIDR such as 10.244.0.0/16\n--cluster-cidr: 10.1.0.0/16 and 10.2.0.0/16"},
		"bad CIDR but routes not wanted": {flags: RouteFlags{true, false, false, "x"}, wantReason: "no [Route] section"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decideRoutes(tc.flags, tc.route)
			if (err != nil) != (tc.wantErr != "") || err != nil && !strings.Contains(err.Error(), tc.wantErr) {
				t.Fatalf("got error %v, want %q", err, tc.wantErr)
			}
			if err != nil {
				return
			}
			var cidrs []string
			for _, c := range got.CIDRs {
				cidrs = append(cidrs, c.String())
			}
			if strings.Join(cidrs, " ") != tc.wantCIDRs || !strings.Contains(got.Reason, tc.wantReason) || got.Surprising != tc.surprising {
				t.Errorf("got %+v, want CIDRs %q, reason with %q, surprising %v", got, tc.wantCIDRs, tc.wantReason, tc.surprising)
			}
		})
	}
}
