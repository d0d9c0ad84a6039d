package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"underlay/pkg/loadbalancer/tree"
)

// ConflictError says that another's listener has a port that this Service wants.
type ConflictError struct {
	Key      tree.Key
	Balancer string
	// Holders are the Services that have it, by the names of their load
	// balancers; none where nobody says.
	Holders []string
}

func (e *ConflictError) Error() string {
	holder := "a listener that is no Service's"
	if len(e.Holders) > 0 {
		holder = strings.Join(e.Holders, ", ")
	}
	return fmt.Sprintf("port %s of load balancer %s belongs to %s: give this Service another port", e.Key, e.Balancer, holder)
}

// SharingError says that the load balancer cannot serve this Service, too.
type SharingError struct{ Balancer, Why string }

func (e *SharingError) Error() string {
	return fmt.Sprintf("load balancer %s cannot be shared: %s", e.Balancer, e.Why)
}

// BrokenError says that a load balancer which is not ours is in ERROR.
type BrokenError struct{ Balancer string }

func (e *BrokenError) Error() string {
	return fmt.Sprintf("load balancer %s is in ERROR and not this cluster's to mend: its owner has to", e.Balancer)
}

// ImmutableError says that Octavia never changes this on a load balancer that
// exists. It hinders nothing else.
type ImmutableError struct{ Balancer, Field, Desired, Actual string }

func (e *ImmutableError) Error() string {
	return fmt.Sprintf("%s of load balancer %s stays %q: Octavia cannot change it to %q; delete the Service and make it again to have it",
		e.Field, e.Balancer, e.Actual, e.Desired)
}

// AddressError says that the wanted floating IP cannot be had, or the one that
// is there cannot be taken off. It hinders nothing else.
type AddressError struct{ Address, Why string }

func (e *AddressError) Error() string { return fmt.Sprintf("floating IP %s: %s", e.Address, e.Why) }

// Check says all that Plan leaves undone, because it must not be done or cannot
// be: the errors above, joined; nil when the plan leads all the way. With any of
// them the plan stays safe to apply; with a SharingError or BrokenError it is empty.
func Check(desired tree.Desired, actual tree.Actual) error {
	v := look(desired, actual)
	if desired.Gone {
		return nil
	}
	if v.balancer == nil {
		return errors.Join(v.checkAddress()...)
	}
	name := v.label()
	switch {
	case v.unshareable():
		return &SharingError{name, "that takes tags, which came with Octavia API 2.5"}
	case v.full():
		return &SharingError{name, fmt.Sprintf("it already serves %s, and max-shared-lb is %d", strings.Join(v.others, ", "), v.desired.MaxShared)}
	case v.broken():
		return &BrokenError{name}
	case v.rebuild():
		return errors.Join(v.checkAddress()...)
	}
	problems := append(v.checkKeys(), v.checkImmutable()...)
	return errors.Join(append(problems, v.checkAddress()...)...)
}

func (v *view) checkKeys() []error {
	var problems []error
	for i := range v.desired.Balancer.Listeners {
		key := v.desired.Balancer.Listeners[i].Key()
		if at := v.balancer.Listener(key); at != nil && !v.usable(at) {
			problems = append(problems, &ConflictError{Key: key, Balancer: v.label(), Holders: v.holders(at.Tags, at.Name)})
		}
	}
	return problems
}

// checkImmutable compares what was asked for in so many words. The subnet is
// not among it: it is often found, not asked for.
func (v *view) checkImmutable() []error {
	if !v.actual.Owned {
		return nil
	}
	want, have := &v.desired.Balancer, v.balancer
	var problems []error
	compare := func(field, desired, actual string) {
		if desired != "" && actual != "" && desired != actual {
			problems = append(problems, &ImmutableError{v.label(), field, desired, actual})
		}
	}
	compare("the provider", want.Provider, have.Provider)
	compare("the flavor", want.FlavorID, have.FlavorID)
	compare("the availability zone", want.AvailabilityZone, have.AvailabilityZone)
	compare("the VIP address", want.VIP.Address, have.VIP.Address)
	compare("the VIP port", want.VIP.PortID, have.VIP.PortID)
	if want.AdditionalVIPs != nil && have.AdditionalVIPs != nil {
		compare("the number of VIPs", fmt.Sprint(1+len(want.AdditionalVIPs)), fmt.Sprint(1+len(have.AdditionalVIPs)))
	}
	return problems
}

func (v *view) checkAddress() []error {
	wish, current := v.desired.FloatingIP, v.currentAddress()
	var problem *AddressError
	switch {
	case wish == nil:
		problem = v.checkInternal(current)
	case current == nil || wish.Address != "" && wish.Address != current.Address:
		problem = v.checkWanted(wish, current)
	}
	if problem == nil {
		return nil
	}
	return []error{problem}
}

// checkInternal judges an address that is there though the Service wants none.
func (v *view) checkInternal(current *tree.FloatingIP) *AddressError {
	if current == nil || !v.actual.Owned || v.mayTakeOff() {
		return nil
	}
	return &AddressError{current.Address, "it stays, though the Service is internal: " + v.whyAddressStays()}
}

// checkWanted judges a wanted address that is not on the VIP.
func (v *view) checkWanted(wish *tree.FloatingIPWish, current *tree.FloatingIP) *AddressError {
	if current != nil && !v.mayTakeOff() {
		return &AddressError{wish.Address, fmt.Sprintf("%s stays: %s", current.Address, v.whyAddressStays())}
	}
	if found := v.candidate(wish); found != nil && !v.movable(found) {
		return &AddressError{found.Address, "it is in use on port " + found.PortID}
	}
	return nil
}

func (v *view) whyAddressStays() string {
	if len(v.others) == 0 {
		return "the load balancer is not this Service's own"
	}
	return "the load balancer serves other Services, too: " + strings.Join(v.others, ", ")
}

// Remains says whether anything of a Service that is gone is still there or on
// its way out: while it does, the Service must not be forgotten.
func Remains(desired tree.Desired, actual tree.Actual) bool {
	desired.Gone = true
	v := look(desired, actual)
	switch {
	case v.going != nil:
		return v.going.Provisioning != tree.Deleted || len(v.leave()) > 0
	case v.balancer != nil && (v.goesWhole() || v.broken() && v.present()):
		return true
	}
	return len(v.leave()) > 0
}

// present says that the Service has something on the load balancer.
func (v *view) present() bool {
	return slices.ContainsFunc(v.balancer.Tags, v.isName) ||
		slices.ContainsFunc(v.balancer.Listeners, func(l tree.Listener) bool { return v.mine(&l) }) ||
		slices.ContainsFunc(v.pools, v.minePool)
}
