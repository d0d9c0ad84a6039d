package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Server is a Nova server with one port.
type Server struct {
	ID, Name string
	Port     Port
	// Address is the port's IPv4 address.
	Address string
}

const compute = "compute" // the service type

// bootTimeout is how long a server may take to become ACTIVE.
const bootTimeout = 3 * time.Minute

// Boot makes a server on a network and waits until it is ACTIVE. The flavor and
// the image are the first ones that the cloud lists.
func (c *Client) Boot(ctx context.Context, name, networkID string) (Server, error) {
	server := Server{Name: name}
	flavor, err := c.first(ctx, compute, "/flavors", "flavors")
	if err != nil {
		return server, err
	}
	image, err := c.first(ctx, "image", "/v2/images", "images")
	if err != nil {
		return server, err
	}
	var made struct{ Server struct{ ID, Status string } }
	err = c.call(ctx, http.MethodPost, compute, "/servers", object{"server": object{
		"name": name, "flavorRef": flavor, "imageRef": image, "networks": []object{{"uuid": networkID}},
	}}, &made)
	if err != nil {
		return server, fmt.Errorf("boot server %s: %w", name, err)
	}
	server.ID = made.Server.ID
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	for made.Server.Status != "ACTIVE" {
		if made.Server.Status == "ERROR" {
			return server, fmt.Errorf("boot server %s: it is in ERROR", name)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return server, fmt.Errorf("boot server %s: %w", name, err)
		}
		if err := c.call(ctx, http.MethodGet, compute, "/servers/"+server.ID, nil, &made); err != nil {
			return server, fmt.Errorf("boot server %s: %w", name, err)
		}
	}
	return server, c.readPort(ctx, networkID, &server)
}

func (c *Client) readPort(ctx context.Context, networkID string, server *Server) error {
	ports, err := c.Ports(ctx, networkID)
	if err != nil {
		return err
	}
	for _, port := range ports {
		if port.DeviceID == server.ID && len(port.FixedIPs) > 0 {
			server.Port, server.Address = port, port.FixedIPs[0].Address
			return nil
		}
	}
	return fmt.Errorf("boot server %s: it has no port", server.Name)
}

// first is the id of the first object of a list.
func (c *Client) first(ctx context.Context, service, path, key string) (string, error) {
	var answer map[string]json.RawMessage
	if err := c.call(ctx, http.MethodGet, service, path, nil, &answer); err != nil {
		return "", fmt.Errorf("list %s: %w", key, err)
	}
	var list []struct{ ID string }
	if err := json.Unmarshal(answer[key], &list); err != nil {
		return "", fmt.Errorf("list %s: %w", key, err)
	}
	if len(list) == 0 {
		return "", errors.New("the cloud has no " + key)
	}
	return list[0].ID, nil
}

// DeleteServer deletes a server and waits until it is gone.
func (c *Client) DeleteServer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	err := c.call(ctx, http.MethodDelete, compute, "/servers/"+id, nil, nil)
	for err == nil {
		if err = pause(ctx, 200*time.Millisecond); err == nil {
			err = c.call(ctx, http.MethodGet, compute, "/servers/"+id, nil, nil)
		}
	}
	if IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("delete server %s: %w", id, err)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
