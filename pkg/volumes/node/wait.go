package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"

	"underlay/pkg/volumes/device"
)

// The times between two looks at the machine for a device.
const (
	firstLook = 100 * time.Millisecond
	lastLook  = 2 * time.Second
)

// doubt is how long devices and links may contradict each other: links lag behind
// where one volume goes and another one comes.
const doubt = 5 * time.Second

// await is the device of a volume of size bytes (0: any), as soon as the
// machine has it. The wait ends with ctx, and after DeviceWait, or earlier where a
// doubt remains: the error then says what was seen last.
func (s *Service) await(ctx context.Context, volumeID string, size int64) (device.Disk, error) {
	started := time.Now()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		d, err := s.look(volumeID, size)
		if err == nil {
			return d, nil
		}
		waited := time.Since(started) + pause
		if errors.Is(err, device.ErrDoubtful) && waited > doubt {
			return d, err
		}
		if waited > s.options.DeviceWait {
			return d, fmt.Errorf("wait %s for the device: %w", s.options.DeviceWait, err)
		}
		s.nudge(ctx, d, err)
		select {
		case <-ctx.Done():
			return d, fmt.Errorf("wait for the device: %w: %w", ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func (s *Service) look(volumeID string, size int64) (device.Disk, error) {
	d, err := s.options.Host.Find(volumeID)
	if err != nil || size == 0 {
		return d, err
	}
	actual, err := device.Size(d.Path)
	if err == nil && !device.Enough(actual, size) {
		err = fmt.Errorf("%w: %s has %d bytes, the volume %d", device.ErrSmall, d.Path, actual, size)
	}
	return d, err
}

// nudge asks the kernel to look again, for hypervisors that do not tell it.
func (s *Service) nudge(ctx context.Context, d device.Disk, missing error) {
	var err error
	if errors.Is(missing, device.ErrSmall) {
		err = s.options.Host.Rescan(d)
	} else {
		err = s.options.Host.Discover()
	}
	if err != nil {
		klog.FromContext(ctx).V(2).Info("The kernel could not be asked to look for devices", "err", err)
	}
}
