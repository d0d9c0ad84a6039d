package poll

import (
	"slices"
	"time"
)

// remembered is how many durations of a kind of work are kept.
const remembered = 8

// past is how long work took, the last of each kind.
type past map[Work][]time.Duration

func (p past) add(kind Work, took time.Duration) {
	p[kind] = append(p[kind], took)
	p[kind] = p[kind][max(len(p[kind])-remembered, 0):]
}

// expected is a little less than the shortest that is remembered, 0 if none is.
func (p past) expected(kind Work) time.Duration {
	if len(p[kind]) == 0 {
		return 0
	}
	return slices.Min(p[kind]) * 9 / 10
}
