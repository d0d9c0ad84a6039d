package ccm

import (
	"github.com/spf13/pflag"
	"k8s.io/cloud-provider/app"
	"k8s.io/cloud-provider/names"
	cliflag "k8s.io/component-base/cli/flag"
)

// flags are this provider's own flags, beside the framework's.
type flags struct {
	userAgent     []string
	deletionBrake int
	checkAddress  string
}

func (f *flags) addTo(set *pflag.FlagSet) {
	set.StringArrayVar(&f.userAgent, "user-agent", nil,
		"Words to add to the User-Agent of every OpenStack request. May be given several times.")
	set.IntVar(&f.deletionBrake, "node-deletion-brake", 25,
		"Keep nodes whose servers are missing when more than this share of all nodes, in percent, is missing at once; for 3 nodes or fewer only when all are missing and a node is ready. 0 turns the brake off.")
	set.StringVar(&f.checkAddress, "cloud-check-bind-address", "127.0.0.1:10268",
		"Address of the plain HTTP check GET /cloud, which answers 200 while the cloud answers and 503 while it does not. It is apart from /healthz, so that a cloud outage restarts nothing. Empty turns it off.")
}

// sets are the flags as the framework takes them.
func (f *flags) sets() cliflag.NamedFlagSets {
	sets := cliflag.NamedFlagSets{}
	f.addTo(sets.FlagSet("openstack"))
	return sets
}

// OwnFlags names the flags that the framework does not have.
func OwnFlags() map[string]bool {
	set := pflag.NewFlagSet("openstack", pflag.ContinueOnError)
	(&flags{}).addTo(set)
	own := map[string]bool{}
	set.VisitAll(func(f *pflag.Flag) { own[f.Name] = true })
	return own
}

// ChangedDefaults names the framework's flags that have another default here.
func ChangedDefaults() map[string]bool {
	framework := app.NewCloudControllerManagerCommand(frameworkDefaults(), nil, app.DefaultInitFuncConstructors, names.CCMControllerAliases(), cliflag.NamedFlagSets{}, nil)
	changed := map[string]bool{}
	NewCommand(nil).Flags().VisitAll(func(f *pflag.Flag) {
		if theirs := framework.Flags().Lookup(f.Name); theirs != nil && theirs.DefValue != f.DefValue {
			changed[f.Name] = true
		}
	})
	return changed
}
