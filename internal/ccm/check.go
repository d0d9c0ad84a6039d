package ccm

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/klog/v2"
)

// checker asks whether the cloud answers, by one small call.
type checker interface {
	Check(ctx context.Context) error
}

const (
	// checkTimeout bounds one look at the cloud; probes give up about then.
	checkTimeout = 10 * time.Second
	// checkMemory is how long an answer stands, so that many probes cost one call.
	checkMemory = 15 * time.Second
)

// cloudCheck is the handler of GET /cloud: 200 while the cloud answers, else
// 503 with the reason. Concurrent requests share one call.
type cloudCheck struct {
	cloud checker
	turn  chan struct{} // holds one: who has it may read and write the rest

	at   time.Time
	last error
}

func newCloudCheck(cloud checker) *cloudCheck {
	return &cloudCheck{cloud: cloud, turn: make(chan struct{}, 1)}
}

func (c *cloudCheck) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := c.ask(r.Context()); err != nil {
		http.Error(w, "the cloud does not answer: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// ask looks at the cloud unless the last answer is fresh.
func (c *cloudCheck) ask(ctx context.Context) error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if !c.at.IsZero() && time.Since(c.at) < checkMemory {
		return c.last
	}
	// One prober that hangs up must not decide for the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	c.last, c.at = c.cloud.Check(ctx), time.Now()
	return c.last
}

// serveCloudCheck serves GET /cloud for as long as the process lives. An
// address that is taken is logged, not fatal: the check is an extra.
func serveCloudCheck(address string, cloud checker) {
	if address == "" {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /cloud", newCloudCheck(cloud))
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 2 * checkTimeout}
	go func() {
		if err := server.ListenAndServe(); err != nil {
			klog.Background().Error(err, "The cloud check is not served", "address", address)
		}
	}()
}
