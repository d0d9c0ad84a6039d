package loadbalancer

import (
	"fmt"

	"underlay/pkg/loadbalancer/tree"
)

// sayClaim says what is unexpected about the Service's load balancer.
func (c *Controller) sayClaim(s *subject, found *claim) {
	if found.gone != "" && found.balancer == nil {
		c.voice.Say(s.service, eventGone, found.gone, fmt.Sprintf("Load balancer %s does not exist any more; a new one is made", found.gone))
	}
	for i := range found.others {
		other := &found.others[i]
		c.voice.Say(s.service, eventNameTaken, other.ID, fmt.Sprintf(
			"Load balancer %s (%s) has this Service's name and is not provably this cluster's; it is left alone", other.Name, other.ID))
	}
	if b := found.balancer; b != nil && b.Provisioning == tree.Failed {
		c.voice.Say(s.service, eventFailed, b.ID, fmt.Sprintf("Load balancer %s (%s) is in ERROR", b.Name, b.ID))
	}
}
