package routes

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"sync"
	"time"

	"underlay/internal/cloud"
)

// limitRest is how long a full router is left alone when no route is freed.
const limitRest = 5 * time.Minute

// LimitError says that the router has no room for all routes, with the numbers
// that decide what to do. It unwraps to the cloud's own error (cloud.ErrQuota).
type LimitError struct {
	RouterID string
	// Present is how many routes the router has, Own how many of them are this
	// cluster's, Wanted how many this cluster needs, Refused how many found no room.
	Present, Own, Wanted, Refused int
	// Limit is what the cloud says it is; 0 when it does not say.
	Limit int
	Cause error
}

// Error gives the numbers and what to do.
func (e *LimitError) Error() string {
	limit := "the limit, which the cloud does not tell"
	if e.Limit > 0 {
		limit = fmt.Sprintf("the limit of %d", e.Limit)
	}
	return fmt.Sprintf("router %s is at %s: it has %s, %d of them of this cluster, which needs %d; no room for %d: "+
		"raise max_routes in neutron.conf (from 2026.2 on the quota router_route) or run fewer nodes: %v",
		e.RouterID, limit, count(e.Present, "route"), e.Own, e.Wanted, e.Refused, e.Cause)
}

// Unwrap gives the cloud's own error.
func (e *LimitError) Unwrap() error { return e.Cause }

// routeLimit remembers a router that was full, so that the framework's request
// every ten seconds is not a call every ten seconds.
type routeLimit struct {
	mu    sync.Mutex
	err   error // nil: no limit met
	count int   // routes on the router when it refused one more
	until time.Time
}

// met notes a refusal of one more route at count routes.
func (l *routeLimit) met(count int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err, l.count, l.until = err, count, time.Now().Add(limitRest)
	routeLimitSeen.Set(float64(count))
}

func (l *routeLimit) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
}

func (l *routeLimit) forget() {
	l.err = nil
	routeLimitSeen.Set(0)
}

// passed forgets the limit when the router holds more routes than at the refusal.
func (l *routeLimit) passed(count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil && count > l.count {
		l.forget()
	}
}

// room says how many more routes are worth trying on a router with count
// routes, and what the cloud said when it was full.
func (l *routeLimit) room(count int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil || !time.Now().Before(l.until) {
		return math.MaxInt, nil
	}
	return max(l.count-count, 0), l.err
}

// probing says that the limit is old enough to be tested with one route.
func (l *routeLimit) probing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil && !time.Now().Before(l.until)
}

var numbers = regexp.MustCompile(`\d+`)

// toldLimit reads the limit from the cloud's sentence. Neutron's RoutesExhausted
// ends with it: "… exceeds the maximum 30." (neutron-lib, exceptions/l3.py);
// OverQuota names the resource only.
func toldLimit(err error) (int, bool) {
	var answer *cloud.Error
	if !errors.As(err, &answer) || answer.Type != "RoutesExhausted" {
		return 0, false
	}
	found := numbers.FindAllString(answer.Message, -1)
	if len(found) == 0 {
		return 0, false
	}
	limit, convErr := strconv.Atoi(found[len(found)-1])
	return limit, convErr == nil && limit > 0
}

// limitError describes a router that had no room for so many routes.
func (t *table) limitError(refused int, cause error) *LimitError {
	t.mu.Lock()
	router := t.router
	t.mu.Unlock()
	own, wanted := t.hooks.census(router)
	limit, _ := toldLimit(cause)
	return &LimitError{RouterID: router.ID, Present: len(router.Routes), Own: own, Wanted: wanted,
		Refused: refused, Limit: limit, Cause: cause}
}
