//go:build linux

package testbed

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// register makes what Keystone must know: a user and three endpoints for each
// service, and the project and user for whom all this is done.
func (b *Testbed) register(ctx context.Context) error {
	serviceProject, err := b.create(ctx, "project", object{"name": "service", "domain_id": "default"})
	if err != nil {
		return err
	}
	roles, err := b.roles(ctx, "admin", "service", "member")
	if err != nil {
		return err
	}
	for _, s := range b.services[1:] {
		if err := b.addUser(ctx, s.name, serviceProject, roles["admin"], roles["service"]); err != nil {
			return err
		}
		if err := b.addEndpoints(ctx, s.name, s.kind, s.path); err != nil {
			return err
		}
		for kind, path := range s.aliases {
			if err := b.addEndpoints(ctx, s.name, kind, path); err != nil {
				return err
			}
		}
	}
	project, err := b.create(ctx, "project", object{"name": Project, "domain_id": "default"})
	if err != nil {
		return err
	}
	wanted := []string{roles["member"]}
	for _, s := range b.services {
		for _, name := range s.roles {
			id, err := b.create(ctx, "role", object{"name": name})
			if err != nil {
				return err
			}
			wanted = append(wanted, id)
		}
	}
	return b.addUser(ctx, User, project, wanted...)
}

// addEndpoints puts a service's addresses into the catalog under one type.
func (b *Testbed) addEndpoints(ctx context.Context, name, kind, path string) error {
	id, err := b.create(ctx, "service", object{"name": name, "type": kind})
	if err != nil {
		return err
	}
	for _, audience := range []string{"public", "internal", "admin"} {
		_, err := b.create(ctx, "endpoint", object{"service_id": id, "interface": audience, "region_id": Region, "url": b.url(name) + path})
		if err != nil {
			return err
		}
	}
	return nil
}

type object = map[string]any

// create makes one thing in Keystone and gives its id.
func (b *Testbed) create(ctx context.Context, kind string, what object) (string, error) {
	made := map[string]struct{ ID string }{}
	if err := b.admin.Do(ctx, http.MethodPost, "identity", "/"+kind+"s", object{kind: what}, &made); err != nil {
		return "", fmt.Errorf("make %s: %w", kind, err)
	}
	return made[kind].ID, nil
}

func (b *Testbed) addUser(ctx context.Context, name, project string, roles ...string) error {
	id, err := b.create(ctx, "user", object{"name": name, "password": b.secret, "domain_id": "default"})
	if err != nil {
		return err
	}
	for _, role := range roles {
		if err := b.admin.Do(ctx, http.MethodPut, "identity", "/projects/"+project+"/users/"+id+"/roles/"+role, nil, nil); err != nil {
			return fmt.Errorf("give %s a role: %w", name, err)
		}
	}
	return nil
}

// roles finds those that Keystone's bootstrap has made, by name.
func (b *Testbed) roles(ctx context.Context, names ...string) (map[string]string, error) {
	ids := map[string]string{}
	for _, name := range names {
		var found struct{ Roles []struct{ ID string } }
		if err := b.admin.Do(ctx, http.MethodGet, "identity", "/roles?name="+url.QueryEscape(name), nil, &found); err != nil {
			return nil, fmt.Errorf("find role %s: %w", name, err)
		}
		if len(found.Roles) != 1 {
			return nil, fmt.Errorf("find role %s: there are %d", name, len(found.Roles))
		}
		ids[name] = found.Roles[0].ID
	}
	return ids, nil
}
