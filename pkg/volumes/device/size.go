package device

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Size is the size of a device in bytes, as the kernel knows it now.
func Size(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("open %s for its size: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	return sizeOf(f)
}

// header is more than what LUKS takes for itself: 2 MiB in its first version, 16 in
// its second (cryptsetup-luksFormat(8), --offset).
const header = 32 * mib

// Enough says whether a device of some bytes can be a volume that has that many. One
// whose type encrypts it shows less to its server, by the header of LUKS (Nova extends
// it by that much less too). A volume grows by 1 GiB at least, so that one which has
// not grown yet cannot be meant.
func Enough(actual, required int64) bool { return actual >= required-header }

func sizeOf(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("read the size of %s: %w", f.Name(), err)
	}
	return size, nil
}

// Rescan asks the kernel to ask a SCSI device for its size again. Others tell by
// themselves, and have nothing to ask: no error.
func (h Host) Rescan(d Disk) error {
	return poke(filepath.Join(h.block(d.Name), "device", "rescan"), "1")
}

// Discover asks the SCSI hosts for devices that were added.
func (h Host) Discover() error {
	hosts, err := filepath.Glob(filepath.Join(h.Sys, "class", "scsi_host", "*", "scan"))
	if err != nil {
		return fmt.Errorf("list the SCSI hosts: %w", err)
	}
	var errs []error
	for _, host := range hosts {
		errs = append(errs, poke(host, "- - -"))
	}
	return errors.Join(errs...)
}

// poke writes to a file of sysfs, if it is there.
func poke(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteString(text); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
