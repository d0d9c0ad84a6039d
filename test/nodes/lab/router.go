package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"underlay/test/nodes/amphora"
	"underlay/test/nodes/l3agent"
	"underlay/test/nodes/reexec"
	"underlay/test/nodes/tenant"
)

const routerTask = "router"

// routerSpec is what the router is told.
type routerSpec struct {
	Account             tenant.Account
	Relays              map[string]string
	RouterID, NetworkID string
	// Outside is the interface towards the world; "" where there is none.
	Outside string
}

// runRouter is the router: it forwards, and its agent says where to. It is a
// process in a network namespace of its own.
func runRouter(ctx context.Context, text []byte) error {
	var spec routerSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("turn forwarding on: %w", err)
	}
	if err := errors.Join(batch(ctx, 0, "link set lo up"), openRelays(ctx, spec.Relays)); err != nil {
		return err
	}
	client, err := loginPatiently(ctx, spec.Account)
	if err != nil {
		return err
	}
	agent := &l3agent.Agent{Client: client, RouterID: spec.RouterID, NetworkID: spec.NetworkID, Outside: spec.Outside}
	agent.Run(ctx)
	return nil
}

// loginPatiently tries until the cable is plugged in.
func loginPatiently(ctx context.Context, account tenant.Account) (*tenant.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		client, err := tenant.Login(ctx, account)
		if err == nil {
			return client, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Tasks are what the children of a lab do, for reexec.Dispatch.
func Tasks() map[string]reexec.Task {
	return map[string]reexec.Task{
		routerTask: runRouter, machineTask: runMachine, amphoraeTask: runAmphorae, amphora.Task: amphora.Run, outsideTask: stay,
	}
}
