package routes

import (
	"context"
	"fmt"
	"strings"
	"sync"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/klog/v2"
)

// Where ConfigMapLedger keeps its entries.
const (
	LedgerNamespace = "kube-system"
	LedgerName      = "underlay-routes"
	// ledgerKey holds one route a line: "10.244.1.0/24 192.0.2.7".
	ledgerKey = "routes"
)

// ConfigMapLedger keeps the ledger in the ConfigMap kube-system/underlay-routes,
// guarded by its resourceVersion. 5,000 dual-stack nodes need about half of the
// 1 MiB that a ConfigMap may have.
//
// A cluster that came with the RBAC rules of another controller may forbid it.
// Then the ledger says so once and lives in memory: all works, but a route whose
// node and instance both vanish while no controller runs stays on the router
// until somebody removes it.
type ConfigMapLedger struct {
	client corev1.ConfigMapInterface

	mu      sync.Mutex
	exists  bool          // the ConfigMap was there at the last read or write
	version string        // its resourceVersion then
	memory  *MemoryLedger // set when the API server forbids
}

// NewConfigMapLedger makes a ledger over client. Nothing is read yet.
func NewConfigMapLedger(client kubernetes.Interface) *ConfigMapLedger {
	return &ConfigMapLedger{client: client.CoreV1().ConfigMaps(LedgerNamespace)}
}

// Load reads all entries. Lines that are not routes are ignored.
func (l *ConfigMapLedger) Load(ctx context.Context) ([]Route, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.memory != nil {
		return l.memory.Load(ctx)
	}
	found, err := l.client.Get(ctx, LedgerName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		l.exists, l.version = false, ""
		return nil, nil
	case apierrors.IsForbidden(err):
		l.forbidden(ctx, err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get ConfigMap %s/%s: %w", LedgerNamespace, LedgerName, err)
	}
	l.exists, l.version = true, found.ResourceVersion
	var routes []Route
	for line := range strings.Lines(found.Data[ledgerKey]) {
		destination, hop, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			routes = append(routes, Route{Destination: destination, NextHop: hop})
		}
	}
	return routes, nil
}

// Save replaces all entries in one write.
func (l *ConfigMapLedger) Save(ctx context.Context, routes []Route) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.memory != nil {
		return l.memory.Save(ctx, routes)
	}
	written, err := l.write(ctx, render(routes))
	switch {
	case apierrors.IsForbidden(err):
		l.forbidden(ctx, err)
		return l.memory.Save(ctx, routes)
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", ErrLedgerChanged, err)
	case err != nil:
		return fmt.Errorf("write ConfigMap %s/%s: %w", LedgerNamespace, LedgerName, err)
	}
	l.exists, l.version = true, written.ResourceVersion
	return nil
}

func (l *ConfigMapLedger) write(ctx context.Context, text string) (*v1.ConfigMap, error) {
	desired := &v1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       LedgerNamespace,
			Name:            LedgerName,
			ResourceVersion: l.version,
			Labels: map[string]string{
				"app.kubernetes.io/managed-by": "underlay",
				"app.kubernetes.io/component":  "routes",
			},
		},
		Data: map[string]string{ledgerKey: text},
	}
	if !l.exists {
		return l.client.Create(ctx, desired, metav1.CreateOptions{})
	}
	return l.client.Update(ctx, desired, metav1.UpdateOptions{})
}

func (l *ConfigMapLedger) forbidden(ctx context.Context, err error) {
	l.memory = &MemoryLedger{}
	klog.FromContext(ctx).Info("The ledger of routes lives in memory only: the API server forbids its ConfigMap. "+
		"Allow get, create and update of ConfigMaps in kube-system, then restart",
		"configMap", klog.KRef(LedgerNamespace, LedgerName), "reason", err.Error())
}

func render(routes []Route) string {
	var b strings.Builder
	for _, r := range routes {
		b.WriteString(r.Destination + " " + r.NextHop + "\n")
	}
	return b.String()
}
