package volumes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"k8s.io/klog/v2"
)

// Options say what is served where.
type Options struct {
	// Endpoint is unix://PATH.
	Endpoint string
	// Version is the driver's own.
	Version string
	// Topology says that volumes and nodes have zones.
	Topology bool
	// The services; nil is not served.
	Controller csi.ControllerServer
	Groups     csi.GroupControllerServer
	Node       csi.NodeServer
	// Register makes the driver known to the kubelet; nil leaves it to a sidecar.
	Register *Registration
	// HTTP is the address of /healthz and /metrics, e.g. ":9808"; "" is none.
	HTTP string
}

// stopTimeout bounds the clean end: calls under way may finish. It is less than
// the 30 s that a Pod gets by default.
const stopTimeout = 20 * time.Second

// Serve serves until ctx ends, and then lets the calls under way finish. It
// returns early when something cannot be served or the kubelet refuses the driver.
func Serve(ctx context.Context, o Options) error {
	registerMetrics()
	path, err := SocketPath(o.Endpoint)
	if err != nil {
		return err
	}
	s := &serving{ended: make(chan error, 3)}
	defer s.stop(ctx)
	if err := s.driver(path, newServer(ctx, o)); err != nil {
		return err
	}
	if o.Register != nil {
		if err := s.registration(*o.Register); err != nil {
			return err
		}
	}
	if o.HTTP != "" {
		if err := s.http(ctx, o.HTTP, path); err != nil {
			return err
		}
	}
	klog.FromContext(ctx).Info("Serving", "socket", path, "version", o.Version, "controller", o.Controller != nil, "node", o.Node != nil, "http", o.HTTP)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.ended:
		return err
	}
}

// newServer puts the services on a server, whose calls have the logger of ctx.
func newServer(ctx context.Context, o Options) *grpc.Server {
	log := klog.FromContext(ctx)
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(
		func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			return next(klog.NewContext(ctx, log), r)
		},
		observe,
	))
	csi.RegisterIdentityServer(server, newIdentity(o))
	if o.Controller != nil {
		csi.RegisterControllerServer(server, o.Controller)
	}
	if o.Groups != nil {
		csi.RegisterGroupControllerServer(server, o.Groups)
	}
	if o.Node != nil {
		csi.RegisterNodeServer(server, o.Node)
	}
	return server
}

// serving is what runs.
type serving struct {
	ended   chan error
	servers []*grpc.Server
	web     *http.Server
	conn    *grpc.ClientConn
}

func (s *serving) driver(path string, server *grpc.Server) error {
	l, err := listen(path)
	if err != nil {
		return err
	}
	s.run(server, l)
	return nil
}

func (s *serving) registration(r Registration) error {
	l, err := listen(r.socket())
	if err != nil {
		return fmt.Errorf("register with the kubelet: %w", err)
	}
	s.run(r.server(s.ended), l)
	return nil
}

func (s *serving) run(server *grpc.Server, l net.Listener) {
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(l); err != nil {
			s.ended <- fmt.Errorf("serve on %s: %w", l.Addr(), err)
		}
	}()
}

func (s *serving) http(ctx context.Context, address, path string) error {
	conn, err := dial(path)
	if err != nil {
		return fmt.Errorf("connect to the driver's own socket: %w", err)
	}
	s.conn = conn
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for /healthz and /metrics: %w", err)
	}
	s.web = &http.Server{Handler: health(conn), ReadHeaderTimeout: probeTimeout, WriteTimeout: 2 * probeTimeout}
	go func() {
		if err := s.web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.ended <- fmt.Errorf("serve /healthz and /metrics: %w", err)
		}
	}()
	return nil
}

// stop ends all of it, the last things first. Calls under way get stopTimeout.
func (s *serving) stop(ctx context.Context) {
	if s.web != nil {
		_ = s.web.Close()
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
	done := make(chan struct{})
	go func() {
		for _, server := range s.servers {
			server.GracefulStop()
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(stopTimeout):
		klog.FromContext(ctx).Info("Calls are still under way and are cut off", "after", stopTimeout)
		for _, server := range s.servers {
			server.Stop()
		}
	}
}
