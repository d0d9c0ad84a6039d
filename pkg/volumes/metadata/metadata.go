// Package metadata reads which server a machine is, without any credentials: from
// the configuration drive or from the metadata service, which both hold the same
// meta_data.json (https://docs.openstack.org/nova/latest/user/metadata.html).
package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/mount-utils"
)

// The places that [Metadata] search-order names.
const (
	ConfigDrive = "configDrive"
	Service     = "metadataService"
)

// Machine is what a server knows of itself.
type Machine struct {
	// ID is Nova's id of the server, Zone its availability zone.
	ID, Zone string
}

// Options say where to look.
type Options struct {
	// Order holds ConfigDrive and Service, the first to be asked first.
	Order []string
	// Timeout bounds one request.
	Timeout time.Duration
	// URL and Drives are where the two are found, Formats what a drive may be;
	// empty means what every server has.
	URL             string
	Drives, Formats []string
}

const file = "openstack/latest/meta_data.json"

// The label of a configuration drive is config-2 (nova/virt/configdrive.py); that
// of a VFAT one is in capitals.
var drives = []string{"/dev/disk/by-label/config-2", "/dev/disk/by-label/CONFIG-2"}

// formats are the values of Nova's config_drive_format.
var formats = []string{"iso9660", "vfat"}

const serviceURL = "http://169.254.169.254/" + file

// longest is how much of an answer is read.
const longest = 1 << 20

// Reader reads what a server knows of itself, once. It is safe for concurrent use.
type Reader struct {
	options Options
	client  *http.Client

	mu    sync.Mutex
	known Machine
}

// New makes a Reader. It touches nothing.
func New(o Options) *Reader {
	if len(o.Order) == 0 {
		o.Order = []string{ConfigDrive, Service}
	}
	if o.URL == "" {
		o.URL = serviceURL
	}
	if len(o.Drives) == 0 {
		o.Drives = drives
	}
	if len(o.Formats) == 0 {
		o.Formats = formats
	}
	// A proxy of the environment is not meant for a link-local address.
	return &Reader{options: o, client: &http.Client{Timeout: o.Timeout, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// Read gives the answer of the first place that has one. A failure is not remembered.
func (r *Reader) Read(ctx context.Context) (Machine, error) {
	r.mu.Lock()
	known := r.known
	r.mu.Unlock()
	if known.ID != "" {
		return known, nil
	}
	var errs []error
	for _, place := range r.options.Order {
		machine, err := r.from(ctx, place)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", place, err))
			continue
		}
		r.mu.Lock()
		r.known = machine
		r.mu.Unlock()
		klog.FromContext(ctx).Info("Read which server this is", "server", machine.ID, "zone", machine.Zone, "from", place)
		return machine, nil
	}
	return Machine{}, errors.Join(errs...)
}

func (r *Reader) from(ctx context.Context, place string) (Machine, error) {
	var text []byte
	var err error
	switch place {
	case ConfigDrive:
		text, err = r.drive()
	case Service:
		text, err = r.service(ctx)
	default:
		return Machine{}, errors.New("no such place")
	}
	if err != nil {
		return Machine{}, err
	}
	return parse(text)
}

func parse(text []byte) (Machine, error) {
	var answer struct {
		UUID string `json:"uuid"`
		Zone string `json:"availability_zone"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return Machine{}, fmt.Errorf("read meta_data.json: %w", err)
	}
	if answer.UUID == "" {
		return Machine{}, errors.New("meta_data.json has no uuid")
	}
	return Machine{ID: answer.UUID, Zone: answer.Zone}, nil
}

func (r *Reader) service(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.options.URL, nil)
	if err != nil {
		return nil, err
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", r.options.URL, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, longest))
}

// drive mounts the configuration drive read-only for as long as it reads it.
func (r *Reader) drive() (text []byte, err error) {
	device := ""
	for _, candidate := range r.options.Drives {
		if _, err := os.Stat(candidate); err == nil {
			device = candidate
			break
		}
	}
	if device == "" {
		return nil, errors.New("there is none")
	}
	where, err := os.MkdirTemp("", "config-drive-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to mount %s at: %w", device, err)
	}
	defer func() { err = errors.Join(err, os.Remove(where)) }()
	mounter := mount.NewWithoutSystemd("")
	for _, kind := range r.options.Formats {
		if err = mounter.Mount(device, where, kind, []string{"ro"}); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", device, err)
	}
	defer func() { err = errors.Join(err, mounter.Unmount(where)) }()
	return os.ReadFile(filepath.Join(where, file))
}
