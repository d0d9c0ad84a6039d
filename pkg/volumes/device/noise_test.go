package device_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"strings"
	"testing"

	"underlay/pkg/volumes/device"
)

// noise is what a cipher makes of zeros, the same each time.
func noise(t *testing.T, size int) []byte {
	t.Helper()
	block, err := aes.NewCipher([]byte("a key of 16 byte"))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]byte, size)
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(all, all)
	return all
}

// TestNoise: what has any order in it, in any place that is looked at, is not what
// was never written.
func TestNoise(t *testing.T) {
	const size = 64 << 20
	never := noise(t, size)
	if is, err := device.Noise(bytes.NewReader(never), size); err != nil || !is {
		t.Errorf("noise: got %v, %v", is, err)
	}
	counting := make([]byte, 4096)
	for i := range counting {
		counting[i] = byte(i)
	}
	for name, order := range map[string][]byte{
		"zeros": make([]byte, 4096), "ones": bytes.Repeat([]byte{0xff}, 4096), "every byte in turn": counting,
		"text": []byte(strings.Repeat("select id from table; ", 60)), "half a block of zeros": make([]byte, 2048),
	} {
		for _, at := range []int{0, 1 << 20, 8 << 20, 32 << 20, size - 4096} {
			disk := bytes.Clone(never)
			copy(disk[at:], order)
			if is, err := device.Noise(bytes.NewReader(disk), size); err != nil || is {
				t.Errorf("%s at %d: got %v, %v", name, at, is, err)
			}
		}
	}
	if is, err := device.Noise(sparse{size: size, data: -1, broken: 0}, size); err == nil || is {
		t.Errorf("what cannot be read: got %v, %v", is, err)
	}
}
