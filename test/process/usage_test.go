package process_test

import (
	"os"
	"testing"

	"underlay/test/process"
)

func TestUsageOfAProcess(t *testing.T) {
	got, err := process.Usage(os.Getpid())
	if err != nil || got.Own <= 0 || got.Memory < got.Own || got.Peak < got.Memory {
		t.Errorf("got %+v (%v), want memory, more of it in all, and a peak", got, err)
	}
	if got, err := process.Usage(-1); err == nil {
		t.Errorf("of no process: got %+v", got)
	}
}
