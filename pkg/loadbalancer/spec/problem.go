package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that a Service or the configuration asks for and that
// cannot be understood or done. Nothing is done for the Service until it is mended.
type Problem struct {
	// Key is the annotation, the field of the Service or the key of cloud.conf.
	Key string
	// Value is what stands there; "" where that says nothing.
	Value string
	// Message says what is wrong, Advice what to write instead.
	Message, Advice string
}

// Error is key, value, message and advice on one line.
func (p Problem) Error() string {
	text := p.Key
	if p.Value != "" {
		text += fmt.Sprintf(": %q", clip(p.Value))
	} else {
		text += ":"
	}
	text += " " + p.Message
	if p.Advice != "" {
		text += "; " + p.Advice
	}
	return text
}

// Notice is something that is done otherwise than asked for, or that the user
// should know: a warning event.
type Notice struct{ Reason, Message string }

// Problems takes an error of Read or Resolve apart.
func Problems(err error) []Problem {
	var one Problem
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Problem
		for _, e := range joined.Unwrap() {
			all = append(all, Problems(e)...)
		}
		return all
	}
	if errors.As(err, &one) {
		return []Problem{one}
	}
	return nil
}

// join makes one error of problems: sorted, each once.
func join(problems []Problem) error {
	slices.SortFunc(problems, func(a, b Problem) int {
		return strings.Compare(a.Key+"\x00"+a.Message, b.Key+"\x00"+b.Message)
	})
	var errs []error
	for _, p := range slices.Compact(problems) {
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

// longest is how much of a value a message shows.
const longest = 80

func clip(value string) string {
	if len(value) <= longest {
		return value
	}
	return strings.ToValidUTF8(value[:longest], "") + "…"
}

func alternatives(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
}
