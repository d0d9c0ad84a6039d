package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rounds are three of each plane; every metric has the same values.
func rounds() result {
	r := result{Machine: "2 x AMD EPYC, Linux 6.18", Flannel: "v0.28.4"}
	for i, value := range []float64{31.25, 0.5, 1234.5} {
		for _, p := range planes {
			values := map[string]float64{}
			for _, m := range metrics {
				values[m.name] = value
			}
			if i == 0 && p.daemon == "" {
				values[daemonRSS.name] = 0
			}
			r.Rounds = append(r.Rounds, round{p.name, values})
		}
	}
	return r
}

func TestTheTableFitsAHundredColumns(t *testing.T) {
	text := rounds().table()
	for line := range strings.Lines(text) {
		if got := len([]rune(strings.TrimSuffix(line, "\n"))); got > 100 {
			t.Errorf("%d columns: %s", got, line)
		}
	}
	want := "TCP throughput, Gbit/s                          0.500     31.2     1234      0.500     31.2     1234\n"
	if !strings.Contains(text, want) {
		t.Errorf("no line %q in\n%s", want, text)
	}
	if !strings.Contains(text, "3 rounds of each") {
		t.Errorf("the table does not say how many rounds:\n%s", text)
	}
}

func TestTheMiddleOfAnEvenNumberIsBetweenTheTwo(t *testing.T) {
	r := result{}
	for _, value := range []float64{4, 1, 2, 3} {
		r.Rounds = append(r.Rounds, round{"routes", map[string]float64{throughput.name: value}}, round{"flannel", map[string]float64{throughput.name: 100}})
	}
	if diff := cmp.Diff(spread{1, 2.5, 4}, r.spread("routes", throughput), cmp.AllowUnexported(spread{})); diff != "" {
		t.Errorf("spread (-want +got):\n%s", diff)
	}
}

func TestProcessorTimeIsReadAsTheKernelMeansIt(t *testing.T) {
	got, err := parseMachineTime("cpu  100 20 30 4000 50 6 7 8 9 10")
	if err != nil {
		t.Fatal(err)
	}
	// Idle and iowait do no work; guest times are in user and nice already.
	want := processorTime{busy: 1710 * time.Millisecond, all: 42210 * time.Millisecond}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, line := range []string{"", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3", "cpu 1 2 3 x 5 6 7 8"} {
		if _, err := parseMachineTime(line); err == nil {
			t.Errorf("%q: no error", line)
		}
	}
}
