package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"underlay/pkg/simulator"
)

// faultMatch is a glob over "METHOD /path": both words, or one glob for all.
var faultMatch = regexp.MustCompile(`^(\*|(GET|HEAD|POST|PUT|PATCH|DELETE|\*) [/*].*)$`)

func parseFaults(texts []string) (faults []simulator.Fault, problems []error) {
	for _, text := range texts {
		fault, err := parseFault(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--fault %q: %w", text, err))
			continue
		}
		faults = append(faults, fault)
	}
	return faults, problems
}

// parseFault reads MATCH:WHAT[:KEY=VALUE...].
func parseFault(text string) (simulator.Fault, error) {
	fields := strings.Split(text, ":")
	fault := simulator.Fault{Match: fields[0]}
	if !faultMatch.MatchString(fault.Match) {
		return fault, fmt.Errorf("%q is no METHOD /path; write for example 'PUT /v2.0/ports/*:503'", fault.Match)
	}
	if len(fields) < 2 {
		return fault, fmt.Errorf("say after a colon what happens: a status such as 503, drop or hang")
	}
	settings := map[string]string{}
	for _, field := range fields[2:] {
		key, value, found := strings.Cut(field, "=")
		if !found || value == "" {
			return fault, fmt.Errorf("%q is no KEY=VALUE", field)
		}
		if _, twice := settings[key]; twice {
			return fault, fmt.Errorf("%s is given twice", key)
		}
		settings[key] = value
	}
	if err := setKind(&fault, fields[1], settings["when"]); err != nil {
		return fault, err
	}
	delete(settings, "when")
	for key, value := range settings {
		if err := setFault(&fault, key, value); err != nil {
			return fault, err
		}
	}
	return fault, nil
}

func setKind(fault *simulator.Fault, what, when string) error {
	after := when == "after"
	if when != "" && when != "before" && !after {
		return fmt.Errorf("when=%s: must be before or after", when)
	}
	choose := func(before, later simulator.FaultKind) simulator.FaultKind {
		if after {
			return later
		}
		return before
	}
	switch what {
	case "drop":
		fault.Kind = choose(simulator.DropBefore, simulator.DropAfter)
		return nil
	case "hang":
		fault.Kind = choose(simulator.Hang, simulator.HangAfter)
		return nil
	}
	status, err := strconv.Atoi(what)
	if err != nil || status < 400 || status > 599 {
		return fmt.Errorf("%q is no status from 400 to 599, and neither drop nor hang", what)
	}
	fault.Kind, fault.Status = choose(simulator.FailBefore, simulator.FailAfter), status
	return nil
}

func setFault(fault *simulator.Fault, key, value string) error {
	counts := map[string]*int{"nth": &fault.Nth, "every": &fault.Every, "times": &fault.Times}
	if count, found := counts[key]; found {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return fmt.Errorf("%s=%s: must be a number from 1", key, value)
		}
		*count = n
		return nil
	}
	switch key {
	case "retry-after":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("retry-after=%s: must be a duration such as 3s", value)
		}
		fault.RetryAfter = d
	case "type":
		fault.Type = value
	case "message":
		fault.Message = value
	default:
		return fmt.Errorf("unknown key %q; known are when, nth, every, times, retry-after, type and message", key)
	}
	return nil
}
