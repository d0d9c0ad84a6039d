package device_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"underlay/pkg/volumes/device"
)

// sparse is a device of zeros with one byte that is none, and one that cannot be
// read; -1 is nowhere.
type sparse struct{ size, data, broken int64 }

var errBroken = errors.New("input/output error")

func (s sparse) ReadAt(p []byte, at int64) (int, error) {
	n := min(int64(len(p)), s.size-at)
	clear(p[:n])
	if s.broken >= at && s.broken < at+n {
		return int(s.broken - at), errBroken
	}
	if s.data >= at && s.data < at+n {
		p[s.data-at] = 0x53
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// TestSignaturesAreSeen names the places where something known begins, on
// devices of several sizes.
func TestSignaturesAreSeen(t *testing.T) {
	for _, size := range []int64{16 << 20, 1 << 30, 10<<30 + 512, 1 << 40} {
		for name, at := range map[string]int64{
			"xfs, LUKS, ceph": 0, "GPT, LVM": 512, "partition table": 510, "ext4, f2fs": 1024 + 56, "mdraid 1.2, bcache": 4096,
			"swap": 65526, "btrfs": 65536 + 64, "iso9660": 32769, "LUKS2, second header": 4<<20 - 4096, "ext4 copy, 1 KiB blocks": 8<<20 + 1024 + 56,
			"btrfs copy": 64<<20 + 64, "ext4 copy, 4 KiB blocks": 128<<20 + 56, "btrfs second copy": 256<<30 + 64, "half": size / 2, "xfs second group": size / 4,
			"GPT copy": size - 512, "ZFS label": size - 512<<10, "mdraid 0.9": (size - 65536) &^ 65535, "mdraid 1.0": size - 8192, "DRBD": size - 4096, "last byte": size - 1,
		} {
			if at >= size {
				continue
			}
			// A superblock is more than one byte: what follows it within 4 KiB is enough.
			if got, found, err := device.FirstData(sparse{size, at, -1}, size); !found || got != at || err != nil {
				if _, found, _ := device.FirstData(sparse{size, at &^ 4095, -1}, size); !found {
					t.Errorf("%s at %d of %d: got %d %v %v", name, at, size, got, found, err)
				}
			}
		}
		if at, found, err := device.FirstData(sparse{size, -1, -1}, size); found || err != nil {
			t.Errorf("%d zeros: got data at %d, %v", size, at, err)
		}
	}
}

// TestWhatCannotBeReadIsNotBlank is the reason why this check exists.
func TestWhatCannotBeReadIsNotBlank(t *testing.T) {
	const size = 1 << 30
	for _, at := range []int64{0, 1024, 4<<20 - 1, 64 << 20, size - 1} {
		if _, found, err := device.FirstData(sparse{size, -1, at}, size); err == nil || found {
			t.Errorf("unreadable at %d: got %v, %v", at, found, err)
		}
	}
	for _, size := range []int64{0, -1} {
		if _, _, err := device.FirstData(sparse{size, -1, -1}, size); err == nil {
			t.Errorf("a device of %d bytes is judged", size)
		}
	}
	if _, _, err := device.FirstData(bytes.NewReader(make([]byte, 1<<20)), 2<<20); err == nil {
		t.Error("a device that ends early is judged")
	}
}

// TestSmallDevicesAreReadWhole: every byte counts up to 8 MiB, and every byte of
// the first and the last 4 MiB on any.
func TestSmallDevicesAreReadWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 1<<40).Draw(t, "size")
		edge := min(size, 4<<20)
		at := rapid.Int64Range(0, edge-1).Draw(t, "at")
		if rapid.Bool().Draw(t, "tail") {
			at = size - 1 - at
		}
		if got, found, err := device.FirstData(sparse{size, at, -1}, size); !found || got != at || err != nil {
			t.Errorf("got %d %v %v, want %d", got, found, err, at)
		}
	})
}
