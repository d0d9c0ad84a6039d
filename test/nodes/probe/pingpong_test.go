package main

import (
	"testing"
	"time"
)

func TestAQuantileIsTheTimeWithinWhichSoManyWereDone(t *testing.T) {
	var sorted []time.Duration
	for n := range 200 {
		sorted = append(sorted, time.Duration(n+1)*time.Microsecond)
	}
	for percent, want := range map[int]float64{50: 100, 99: 198, 100: 200} {
		if got := quantile(sorted, percent); got != want {
			t.Errorf("%d of 100: got %v µs, want %v", percent, got, want)
		}
	}
	if got := quantile(sorted[:1], 99); got != 1 {
		t.Errorf("of one exchange: got %v µs, want 1", got)
	}
}
