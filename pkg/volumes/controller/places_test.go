package controller

import (
	"strconv"
	"testing"
)

func TestPlacesAreBounded(t *testing.T) {
	p := newPlaces()
	for i := range 3 * mostPlaces {
		p.keep(strconv.Itoa(i), "a")
		if len(p.zones) > mostPlaces || p.zone(strconv.Itoa(i)) != "a" {
			t.Fatalf("after %d: remembers %d, and %q of the last", i+1, len(p.zones), p.zone(strconv.Itoa(i)))
		}
	}
}
