package amphora

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/test/nodes/tenant"
)

func member(id string, weight int) tenant.Member {
	return tenant.Member{ID: id, Address: "10.0.0." + id, Port: 30000, Weight: weight, AdminUp: true}
}

// chosen are the last digits of the members that a client gets, one after the other.
func chosen(t *testing.T, p *pool, client string, times int) string {
	t.Helper()
	var all strings.Builder
	for range times {
		address, err := p.choose(netip.MustParseAddr(client))
		if err != nil {
			t.Fatal(err)
		}
		host, _, _ := net.SplitHostPort(address)
		all.WriteByte(host[len(host)-1])
	}
	return all.String()
}

func TestMembersTakeTurnsByWeight(t *testing.T) {
	p := newPool()
	off := member("4", 1)
	off.AdminUp = false
	p.set(t.Context(), tenant.Pool{Serving: []tenant.Member{member("1", 1), member("2", 2), member("3", 0), off}})
	if got, want := chosen(t, p, "192.0.2.1", 6), "212212"; got != want {
		t.Errorf("members: got %s, want %s", got, want)
	}
	p.set(t.Context(), tenant.Pool{Serving: []tenant.Member{member("3", 0)}})
	if address, err := p.choose(netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Errorf("without a member that serves: got %s", address)
	}
}

func TestAClientStaysWithItsMember(t *testing.T) {
	p, three := newPool(), []tenant.Member{member("1", 1), member("2", 1), member("3", 1)}
	sticky := tenant.Pool{Serving: three, Persistence: &struct {
		Type string `json:"type"`
	}{"SOURCE_IP"}}
	p.set(t.Context(), sticky)
	first, second := chosen(t, p, "192.0.2.1", 1), chosen(t, p, "192.0.2.2", 1)
	if first == second {
		t.Errorf("two clients: got member %s for both, want each its turn", first)
	}
	if got, want := chosen(t, p, "192.0.2.1", 3), strings.Repeat(first, 3); got != want {
		t.Errorf("members: got %s, want %s", got, want)
	}
	sticky.Serving = []tenant.Member{member("9", 1)} // its member has left
	p.set(t.Context(), sticky)
	if got := chosen(t, p, "192.0.2.1", 2); got != "99" {
		t.Errorf("members: got %s, want the one that is left", got)
	}
	p.set(t.Context(), tenant.Pool{Serving: three, Algorithm: "SOURCE_IP"})
	if got := chosen(t, p, "192.0.2.7", 3); got != strings.Repeat(got[:1], 3) {
		t.Errorf("by source: got members %s, want one", got)
	}
}

func TestHealthTurnsAfterAnswersInARow(t *testing.T) {
	for _, c := range []struct{ answers, want string }{
		{"-", "-"},                  // a new member: the first answer is enough
		{"+--+---", "+++++" + "+-"}, // three bad ones in a row
		{"-+-++", "----+"},          // two good ones in a row
	} {
		now, got := health{up: true}, ""
		for _, answer := range c.answers {
			now.hear(answer == '+', 2, 3)
			got += map[bool]string{true: "+", false: "-"}[now.up]
		}
		if got != c.want {
			t.Errorf("answers %s: got %s, want %s", c.answers, got, c.want)
		}
	}
}

func TestChecksAskWhatTheMonitorSays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	at := strings.TrimPrefix(server.URL, "http://")
	for _, c := range []struct {
		monitor tenant.Monitor
		good    bool
	}{
		{tenant.Monitor{Type: "HTTP", Method: "GET", Path: "/healthz", Codes: "200"}, true},
		{tenant.Monitor{Type: "HTTP", Method: "GET", Path: "/", Codes: "200"}, false},
		{tenant.Monitor{Type: "HTTP", Method: "GET", Path: "/", Codes: "200,500-503"}, true},
		{tenant.Monitor{Type: "TCP"}, true},
		{tenant.Monitor{Type: "UDP-CONNECT"}, false}, // nobody listens there over UDP
		{tenant.Monitor{Type: "SCTP"}, false},
	} {
		c.monitor.Timeout = 10
		if err := ask(t.Context(), target{c.monitor, at}); (err == nil) != c.good {
			t.Errorf("%+v: got %v, want good = %v", c.monitor, err, c.good)
		}
	}
}

func TestAMemberThatFailsItsCheckIsNotChosen(t *testing.T) {
	p, monitor := newPool(), tenant.Monitor{AdminUp: true}
	spec := tenant.Pool{Serving: []tenant.Member{member("1", 1), member("2", 1)}, Monitor: &monitor}
	for _, m := range spec.Serving {
		p.checks[m.ID] = &check{target: target{monitor, checkedAt(m)}, stop: func() {}}
	}
	p.checks["2"].up.Store(true)
	p.set(t.Context(), spec) // those that stay keep their health
	if got := chosen(t, p, "192.0.2.1", 3); got != "222" {
		t.Errorf("members: got %s, want the healthy one", got)
	}
	spec.Monitor = nil
	p.set(t.Context(), spec)
	if got := chosen(t, p, "192.0.2.1", 4); !strings.Contains(got, "1") {
		t.Errorf("members without a monitor: got %s, want both", got)
	}
}

func TestTheFilterLetsInWhoMay(t *testing.T) {
	want := `add table ip listeners
delete table ip listeners
table ip listeners {
  chain input {
    type filter hook input priority filter
    ct state established,related accept
    ip daddr 10.0.0.9 ip saddr { 192.0.2.0/24, 198.51.100.0/24 } tcp dport 80 accept
    ip daddr 10.0.0.9 udp dport 53 accept
    counter drop
  }
}
`
	got := filterRules(tenant.Balancer{Address: "10.0.0.9", Listeners: []tenant.Listener{
		{Protocol: "TCP", Port: 80, Allowed: []string{"192.0.2.0/24", "198.51.100.0/24"}}, {Protocol: "UDP", Port: 53}, {Protocol: "TERMINATED_HTTPS", Port: 443},
	}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// loopback is an amphora whose virtual address is 127.0.0.1.
func loopback(t *testing.T) *amphora {
	t.Helper()
	a := &amphora{pools: map[string]*pool{}, sockets: map[string]*socket{}, filter: func(context.Context, string) error { return nil }}
	t.Cleanup(a.close)
	return a
}

// freePort is one that nobody listens at.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestAConnectionReachesAMemberThatLearnsWhoAsks(t *testing.T) {
	behind, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = behind.Close() })
	go func() {
		for {
			conn, err := behind.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = fmt.Fprintf(conn, "got %s", line)
			_ = conn.Close()
		}
	}()
	a, port := loopback(t), freePort(t)
	b := tenant.Balancer{
		Address: "127.0.0.1", AdminUp: true, Listeners: []tenant.Listener{{Protocol: "TCP", Port: port, PoolID: "p", AdminUp: true}},
		Pools: []tenant.Pool{{ID: "p", Protocol: "PROXY", Serving: []tenant.Member{
			{ID: "m", Address: "127.0.0.1", Port: behind.Addr().(*net.TCPAddr).Port, Weight: 1, AdminUp: true},
		}}},
	}
	if err := a.apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	got, _ := bufio.NewReader(conn).ReadString('\n')
	if want := fmt.Sprintf("got PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n", portOf(conn.LocalAddr().String()).Port(), port); got != want {
		t.Errorf("answer: got %q, want %q", got, want)
	}
	b.Listeners = nil
	if err := a.apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
		_ = conn.Close()
		t.Error("a listener that is gone is still open")
	}
}

func TestARequestReachesAMemberWithTheHeadersAskedFor(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s for=%s port=%s proto=%s", r.Host, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Port"], r.Header["X-Forwarded-Proto"])
	}))
	t.Cleanup(behind.Close)
	a, port := loopback(t), freePort(t)
	b := tenant.Balancer{
		Address: "127.0.0.1", AdminUp: true, Pools: []tenant.Pool{{ID: "p", Protocol: "HTTP", Serving: []tenant.Member{
			{ID: "m", Address: "127.0.0.1", Port: int(portOf(strings.TrimPrefix(behind.URL, "http://")).Port()), Weight: 1, AdminUp: true},
		}}},
		Listeners: []tenant.Listener{{
			Protocol: "HTTP", Port: port, PoolID: "p", AdminUp: true, Insert: map[string]string{"X-Forwarded-For": "true", "X-Forwarded-Port": "True", "X-Forwarded-Proto": "false"},
		}},
	}
	at := fmt.Sprint("127.0.0.1:", port)
	want := at + " for=[192.0.2.66 127.0.0.1] port=[" + fmt.Sprint(port) + "] proto=[]"
	for _, status := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		if err := a.apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", "192.0.2.66")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := bufio.NewReader(answer.Body).ReadString('\n')
		_ = answer.Body.Close()
		if answer.StatusCode != status || status == http.StatusOK && body != want {
			t.Errorf("answer: got %d %q, want %d %q", answer.StatusCode, body, status, want)
		}
		b.Pools[0].Serving = nil
	}
}

func TestADatagramAndItsAnswerAreCarried(t *testing.T) {
	behind, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = behind.Close() })
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := behind.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = behind.WriteTo(append([]byte("got "), buffer[:n]...), from)
		}
	}()
	a, port := loopback(t), freePort(t)
	if err := a.apply(t.Context(), tenant.Balancer{
		Address: "127.0.0.1", AdminUp: true, Listeners: []tenant.Listener{{Protocol: "UDP", Port: port, PoolID: "p", AdminUp: true}},
		Pools: []tenant.Pool{{ID: "p", Protocol: "UDP", Serving: []tenant.Member{
			{ID: "m", Address: "127.0.0.1", Port: behind.LocalAddr().(*net.UDPAddr).Port, Weight: 1, AdminUp: true},
		}}},
	}); err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "udp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	buffer := make([]byte, 100)
	for _, text := range []string{"one", "two"} {
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buffer)
		if got, want := string(buffer[:n]), "got "+text; got != want || err != nil {
			t.Errorf("answer: got %q (%v), want %q", got, err, want)
		}
	}
}

func TestTheHeaderOfThePROXYProtocol(t *testing.T) {
	client, asked := netip.MustParseAddrPort("192.0.2.7:50000"), netip.MustParseAddrPort("10.0.0.9:80")
	for version, want := range map[int]string{
		1: "PROXY TCP4 192.0.2.7 10.0.0.9 50000 80\r\n",
		2: "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x09\xc3\x50\x00\x50",
	} {
		if got := string(proxyHeader(version, client, asked)); got != want {
			t.Errorf("version %d: got %q, want %q", version, got, want)
		}
	}
}
