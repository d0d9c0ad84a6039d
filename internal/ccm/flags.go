package ccm

import (
	"github.com/spf13/pflag"
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
		"Keep nodes whose servers are missing when more than this share of all nodes, in percent, is missing at once (never for 3 nodes or fewer). 0 turns the brake off.")
	set.StringVar(&f.checkAddress, "cloud-check-bind-address", "127.0.0.1:10268",
		"Address of the plain HTTP check GET /cloud, which answers 200 while the cloud answers and 503 while it does not. It is apart from /healthz, so that a cloud outage restarts nothing. Empty turns it off.")
}
