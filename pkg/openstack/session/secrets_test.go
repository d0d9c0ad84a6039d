package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/klog/v2"

	"underlay/pkg/config"
)

// transcript collects everything that is logged at any level.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *transcript) add(prefix, args string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.text.WriteString(prefix + args + "\n") // never fails
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// echo is the text of a request as a careless proxy shows it.
func echo(r *http.Request) string {
	var body []byte
	if r.GetBody != nil {
		if reader, err := r.GetBody(); err == nil {
			body, _ = io.ReadAll(reader)
		}
	}
	return fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body)
}

// gossip are clouds that put the request, secrets and all, into what they answer.
var gossip = map[string]func(r *http.Request) (*http.Response, error){
	"plain":     func(r *http.Request) (*http.Response, error) { return answer(502, echo(r)), nil },
	"not found": func(r *http.Request) (*http.Response, error) { return answer(404, echo(r)), nil },
	"quoted": func(r *http.Request) (*http.Response, error) {
		body, err := json.Marshal(map[string]any{"NeutronError": map[string]string{"type": "X", "message": echo(r)}})
		return answer(400, string(body)), err
	},
	"denied": func(r *http.Request) (*http.Response, error) {
		body, err := json.Marshal(map[string]any{"error": map[string]any{"title": "Unauthorized", "message": echo(r)}})
		return answer(401, string(body)), err
	},
	"throttled": func(r *http.Request) (*http.Response, error) {
		body, err := json.Marshal(map[string]any{"message": echo(r)})
		return answer(429, string(body), "Retry-After: 1"), err
	},
	"transport": func(r *http.Request) (*http.Response, error) { return nil, errors.New("cannot send " + echo(r)) },
	"not JSON":  func(r *http.Request) (*http.Response, error) { return answer(200, echo(r)), nil },
}

// However the cloud, a proxy or the transport fails, no password, token or secret
// is in any error or log line.
func TestNoSecretIsEverShown(t *testing.T) {
	identities := map[string]func(*config.Global){
		"password": func(*config.Global) {},
		"application credential": func(g *config.Global) {
			g.ApplicationCredentialID, g.ApplicationCredentialSecret = "id", "very+secret/value%"
		},
		"trust": func(g *config.Global) { g.TrustID, g.TrusteeID, g.TrusteePassword = "t", "u", "of the trustee" },
		"token": func(g *config.Global) { g.Token = "gAAAA-given-in-the-file" },
	}
	for who, set := range identities {
		for how, fault := range gossip {
			for _, where := range []string{"keystone", "service"} {
				t.Run(who+"/"+how+"/"+where, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						global := testConfig()
						set(&global)
						shown := failEverything(t, global, where, fault)
						for _, secret := range append(secretsOf(global), testToken) {
							if secret != "" && strings.Contains(shown, secret) {
								t.Errorf("%q is shown in:\n%s", secret, shown)
							}
							if quoted, err := json.Marshal(secret); err == nil && secret != "" && strings.Contains(shown, strings.Trim(string(quoted), `"`)) {
								t.Errorf("%s is shown in:\n%s", quoted, shown)
							}
						}
						if !strings.Contains(shown, "Request") {
							t.Errorf("nothing was logged:\n%s", shown)
						}
					})
				})
			}
		}
	}
}

// failEverything makes every kind of call, with the background work running, and
// gives all errors and log lines.
func failEverything(t *testing.T, global config.Global, where string, fault func(*http.Request) (*http.Response, error)) string {
	t.Helper()
	cloudy := &script{Service: func(_ int, r *http.Request) (*http.Response, error) { return fault(r) }}
	if where == "keystone" {
		cloudy.Keystone = func(_ int, r *http.Request) (*http.Response, error) { return fault(r) }
	}
	lines := &transcript{}
	logger := funcr.New(lines.add, funcr.Options{Verbosity: 10})
	ctx := klog.NewContext(t.Context(), logger)
	client, err := connect(global, Options{Transport: cloudy, MaxAttempts: 2, ProbeInterval: time.Minute,
		Reload: func() (config.Global, error) {
			return config.Global{}, fmt.Errorf("cannot use %q", secretsOf(global))
		},
		watch: func([]string) (<-chan struct{}, func(), error) { return nil, nil, errors.New("not here") },
	})
	if err != nil {
		t.Fatal(err)
	}
	background, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { client.Run(background); close(done) }()

	var all []error
	for _, kind := range kindsOfCall {
		all = append(all, kind.do(ctx, client))
	}
	all = append(all, client.Server(ctx, "s1"), client.Check(ctx))
	_, err = client.Ports(ctx)
	all = append(all, err)
	_, err = client.Servers(ctx)
	all = append(all, err)
	time.Sleep(5 * time.Minute)
	cancel()
	<-done
	for _, err := range all {
		if err == nil {
			t.Error("a call that had to fail did not")
		}
		for ; err != nil; err = cause(err) {
			lines.add("error: ", fmt.Sprintf("%v %+v", err, err))
		}
	}
	return lines.String()
}

// cause goes one step down, along the last branch.
func cause(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		causes := many.Unwrap()
		return causes[len(causes)-1]
	}
	return nil
}
