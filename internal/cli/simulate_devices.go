package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"underlay/pkg/simulator"
)

// deviceOptions are the flags of `underlay simulate` that are about block devices.
type deviceOptions struct{ folder string }

func (o *deviceOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.folder, "volume-devices", "",
		"Keep volumes as sparse files in this folder, and make an attached one a block device of this machine (Linux, root). The folder is the command's own: emptied at the start and at the end.")
}

const (
	// deviceMark is the file that makes a folder ours. Whoever runs holds its lock.
	deviceMark = "underlay-simulate"
	// settleEvery is how often volumes are looked at, so that a device comes and
	// goes though nobody asks the cloud.
	settleEvery = 100 * time.Millisecond
	// letGo is how long the kernel may take to end a device that nobody uses.
	letGo = time.Second
)

// madeByUs is what the mark says of a folder that goes with its run. A run that
// was killed leaves that to the next one.
const madeByUs = "made by underlay simulate\n"

// deviceParts are the folders within.
var deviceParts = []string{"images", "by-id", "sys"}

// deviceFolder holds the volumes of a running simulation; nil holds none.
type deviceFolder struct {
	path  string
	out   io.Writer
	cloud *simulator.Cloud
	mark  *os.File
	made  bool // the folder was not there before
}

// open takes the folder, clears what a run that was killed left in it, and makes
// the cloud's volumes block devices.
func (o *deviceOptions) open(out io.Writer, cloud *simulator.Cloud) (*deviceFolder, error) {
	if o.folder == "" {
		return nil, nil
	}
	if err := mayMakeDevices(); err != nil {
		return nil, fmt.Errorf("--volume-devices: %w", err)
	}
	path, err := filepath.Abs(o.folder)
	if err != nil {
		return nil, fmt.Errorf("find the folder of --volume-devices: %w", err)
	}
	d := &deviceFolder{path: path, out: out, cloud: cloud}
	if err := d.take(); err != nil {
		return nil, fmt.Errorf("--volume-devices: %w", err)
	}
	err = errors.Join(d.clear(), cloud.UseVolumeDevices(simulator.VolumeDevices{
		Images: d.part("images"), Links: d.part("by-id"), Sys: d.part("sys"),
	}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--volume-devices: %w", err), d.close())
	}
	return d, nil
}

// mayMakeDevices says what is missing for loop devices.
func mayMakeDevices() error {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("this machine has no loop devices (/dev/loop-control), which are what volumes become; it has to be a Linux with the module loop")
	case errors.Is(err, fs.ErrPermission) || os.Geteuid() != 0:
		return errors.Join(errors.New("only root may make block devices: start it as root, or without this flag"), closed(control))
	case err != nil:
		return fmt.Errorf("look for loop devices: %w", err)
	}
	return control.Close()
}

// closed closes a file that may be none.
func closed(file *os.File) error {
	if file == nil {
		return nil
	}
	return file.Close()
}

func (d *deviceFolder) part(name string) string { return filepath.Join(d.path, name) }

// take makes the folder ours: one that is new, empty, or that bears our mark and
// that nobody else holds.
func (d *deviceFolder) take() error {
	entries, err := os.ReadDir(d.path)
	d.made = errors.Is(err, fs.ErrNotExist)
	if err != nil && !d.made {
		return fmt.Errorf("look into the folder: %w", err)
	}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	_, err = os.Stat(d.part(deviceMark))
	if len(entries) > 0 && err != nil {
		return fmt.Errorf("%s holds files of somebody else, and what is there would be deleted: name a folder that is empty or new", d.path)
	}
	mark, err := os.OpenFile(d.part(deviceMark), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("mark the folder: %w", err)
	}
	if err := syscall.Flock(int(mark.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another underlay simulate keeps its volumes there")
		}
		return errors.Join(fmt.Errorf("take %s: %w", d.path, err), mark.Close())
	}
	d.mark = mark
	return d.rememberWhoMadeIt()
}

// rememberWhoMadeIt writes it down, or learns it from a run that was killed.
func (d *deviceFolder) rememberWhoMadeIt() error {
	before, err := io.ReadAll(d.mark)
	if err != nil {
		return errors.Join(fmt.Errorf("read the mark of the folder: %w", err), d.mark.Close())
	}
	if string(before) == madeByUs {
		d.made = true
	} else if d.made {
		if _, err := d.mark.WriteString(madeByUs); err != nil {
			return errors.Join(fmt.Errorf("mark the folder: %w", err), d.mark.Close())
		}
	}
	return nil
}

// clear removes what a run that was killed has left, and says what.
func (d *deviceFolder) clear() error {
	images, err := os.ReadDir(d.part("images"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for files of an earlier run: %w", err)
	}
	links, err := os.ReadDir(d.part("by-id"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for links of an earlier run: %w", err)
	}
	if len(images)+len(links) > 0 {
		d.say("An earlier run was killed and left in %s: files of volumes: %d, links to devices: %d. They are removed.", d.path, len(images), len(links))
	}
	return errors.Join(d.remove(), d.tellUsed(0))
}

// remove deletes all files within, but the mark.
func (d *deviceFolder) remove() error {
	var problems []error
	for _, name := range deviceParts {
		if err := os.RemoveAll(d.part(name)); err != nil {
			problems = append(problems, fmt.Errorf("remove the files of volumes: %w", err))
		}
	}
	return errors.Join(problems...)
}

// introduce says where the devices are, and with which flags a node service finds them.
func (d *deviceFolder) introduce(text io.Writer, url string) {
	if d == nil {
		return
	}
	_, _ = fmt.Fprintf(text, `
Volumes are files in %s, and block devices while they are attached.
The flags of cinder-csi-plugin for a node service with them, as the server NAME:
  --device-links=%s --sysfs=%s --metadata-url=%s
`, d.part("images"), d.part("by-id"), d.part("sys"), simulator.MetadataURL(url, "NAME"))
}

// run lets devices come and go in time, until the context ends.
func (d *deviceFolder) run(ctx context.Context) {
	if d == nil {
		return
	}
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		d.cloud.Volumes() // whoever looks makes what is due happen
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// close takes all devices away and removes all files.
func (d *deviceFolder) close() error {
	if d == nil {
		return nil
	}
	problems := []error{d.cloud.Close(), d.remove(), os.Remove(d.part(deviceMark)), d.mark.Close()}
	if d.made {
		problems = append(problems, os.Remove(d.path))
	}
	return errors.Join(append(problems, d.tellUsed(letGo))...)
}

// tellUsed says which devices on files of this folder are still in use, after they
// had some time to end.
func (d *deviceFolder) tellUsed(patience time.Duration) error {
	used, err := devicesOn(d.part("images"))
	for begin := time.Now(); len(used) > 0 && time.Since(begin) < patience; used, err = devicesOn(d.part("images")) {
		time.Sleep(patience / 20)
	}
	for _, device := range used {
		d.say("%s, which was a volume, is still in use%s. It goes with its last use; what is written to it is lost.", device.path, device.where())
	}
	return err
}

func (d *deviceFolder) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, format+"\n", args...)
}

// usedDevice is a loop device with the places where it is mounted.
type usedDevice struct {
	path   string
	mounts []string
}

func (u usedDevice) where() string {
	if len(u.mounts) == 0 {
		return ""
	}
	return ": mounted at " + strings.Join(u.mounts, ", ")
}

// devicesOn are the loop devices on files of a folder, as sysfs and proc(5) tell;
// the file itself may be gone.
func devicesOn(folder string) ([]usedDevice, error) {
	names, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil || len(names) == 0 {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("look for mounts of volumes: %w", err)
	}
	var used []usedDevice
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(file), folder+"/") {
			continue // it has ended, or is another's
		}
		device := usedDevice{path: "/dev/" + filepath.Base(filepath.Dir(filepath.Dir(name)))}
		for line := range strings.Lines(string(mounts)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == device.path {
				device.mounts = append(device.mounts, fields[1])
			}
		}
		used = append(used, device)
	}
	return used, nil
}
