package node

import (
	"strings"
	"testing"

	"underlay/pkg/volumes/block"
)

func TestMkfsArguments(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"-L files -i 65536":                    "-L|files|-i|65536",
		"-E nodiscard":                         "-E|nodiscard",
		"-E nodiscard,-O ^metadata_csum":       "-E|nodiscard|-O|^metadata_csum",
		"-E nodiscard, -O ^metadata_csum":      "-E|nodiscard|-O|^metadata_csum",
		"-E nodiscard,lazy_itable_init=0,-m 0": "-E|nodiscard,lazy_itable_init=0|-m|0",
		"-m reflink=1,crc=1 -K":                "-m|reflink=1,crc=1|-K",
		"-N,1000,-K":                           "-N|1000|-K",
		",-K,":                                 "-K",
	} {
		if got := strings.Join(mkfsArguments(map[string]string{block.ContextMkfs: text}), "|"); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if got := mkfsArguments(map[string]string{"mkfs-options": "-K"}); len(got) != 1 {
		t.Errorf("the reference driver's own key: got %v", got)
	}
}
