package plan

import (
	"fmt"
	"strings"

	"underlay/pkg/loadbalancer/tree"
)

// most is how many things of one kind a line lists.
const most = 10

func (s CreateLoadBalancer) String() string {
	b := &s.Desired
	var listeners []string
	for i := range b.Listeners {
		l := &b.Listeners[i]
		text := fmt.Sprintf("%s/%d", l.Protocol, l.Port)
		if l.Pool != nil {
			text += " over " + count(len(l.Pool.Members), "member")
		}
		listeners = append(listeners, text)
	}
	text := "create load balancer " + b.Name
	if b.VIP.Address != "" {
		text += " at " + b.VIP.Address
	}
	if len(listeners) > 0 {
		text += ": " + list(listeners)
	}
	return text
}

func (s UpdateLoadBalancer) String() string {
	return "change load balancer " + s.Label + why(s.Why)
}

func (s DeleteLoadBalancer) String() string {
	if s.Cascade {
		return "delete load balancer " + s.Label + " with all its parts" + why(s.Why)
	}
	return "delete load balancer " + s.Label + why(s.Why)
}

func (s FailoverLoadBalancer) String() string {
	return "fail load balancer " + s.Label + " over" + why(s.Why)
}

func (s CreateListener) String() string {
	text := fmt.Sprintf("add listener %s to %s", s.Desired.Key(), s.Label)
	if s.Desired.Protocol != s.Desired.Key().Transport {
		text += ", speaking " + string(s.Desired.Protocol)
	}
	return text
}

func (s UpdateListener) String() string {
	return fmt.Sprintf("change listener %s%s", s.Key, why(s.Why))
}

func (s DeleteListener) String() string {
	return fmt.Sprintf("delete listener %s%s", s.Key, why(s.Why))
}

func (s CreatePool) String() string {
	return fmt.Sprintf("create pool %s for %s on %s", s.Desired.Protocol, s.Key, s.Label)
}

func (s UpdatePool) String() string { return fmt.Sprintf("change pool %s%s", s.Pool, why(s.Why)) }

func (s DeletePool) String() string { return "delete pool " + s.Name + why(s.Why) }

func (s SetMembers) String() string {
	var changes []string
	changes = append(changes, signed("+", s.Added)...)
	changes = append(changes, signed("-", s.Removed)...)
	changes = append(changes, signed("~", s.Changed)...)
	text := fmt.Sprintf("set %s of pool %s", count(len(s.Members), "member"), s.Pool)
	if len(changes) > 0 {
		text += " (" + cut(changes, " ") + ")"
	}
	return text
}

func (s CreateMonitor) String() string {
	return fmt.Sprintf("add %s monitor to pool %s", s.Desired.Type, s.Pool)
}

func (s UpdateMonitor) String() string {
	return fmt.Sprintf("change monitor of pool %s%s", s.Pool, why(s.Why))
}

func (s DeleteMonitor) String() string {
	return fmt.Sprintf("delete monitor of pool %s%s", s.Pool, why(s.Why))
}

// String is the pool's key, as in "TCP/80".
func (r PoolRef) String() string {
	if r.Key == (tree.Key{}) {
		return r.ID
	}
	return r.Key.String()
}

func signed(sign string, targets []tree.Target) []string {
	var texts []string
	for _, t := range targets {
		texts = append(texts, sign+t.String())
	}
	return texts
}

func why(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func list(items []string) string { return cut(items, ", ") }

// cut joins items; a long list is cut.
func cut(items []string, separator string) string {
	if rest := len(items) - most; rest > 0 {
		items = append(items[:most:most], fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(items, separator)
}
