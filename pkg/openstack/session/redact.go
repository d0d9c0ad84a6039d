package session

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// secrets knows what must never be seen in an error or a log. A proxy that
// echoes requests in its answers is the usual way out for them.
type secrets struct {
	mu sync.Mutex
	// credentials and tokens are the latest ones, newest last: a request of
	// before a change may still fail after it.
	credentials, tokens []string
	cut                 *strings.Replacer
}

const (
	// shortest is the length below which a text is not taken for a secret: to
	// cut out every "a" would only make messages unreadable.
	shortest        = 4
	keptCredentials = 12 // at most four to a configuration
	keptTokens      = 4
)

func (s *secrets) keepCredentials(values ...string) { s.keep(&s.credentials, keptCredentials, values) }
func (s *secrets) keepToken(value string)           { s.keep(&s.tokens, keptTokens, []string{value}) }

func (s *secrets) keep(into *[]string, limit int, values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range values {
		if len(value) >= shortest && !slices.Contains(*into, value) {
			*into = append(*into, value)
		}
	}
	*into = (*into)[max(0, len(*into)-limit):]
	s.cut = nil
}

// redact cuts the secrets out of a text.
func (s *secrets) redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut == nil {
		s.cut = replacer(append(slices.Clone(s.credentials), s.tokens...))
	}
	return s.cut.Replace(text)
}

// replacer finds secrets in the spellings in which bodies and URLs show them.
func replacer(values []string) *strings.Replacer {
	spellings := map[string]bool{}
	for _, value := range values {
		if quoted, err := json.Marshal(value); err == nil {
			spellings[string(quoted[1:len(quoted)-1])] = true
		}
		spellings[value], spellings[url.QueryEscape(value)], spellings[url.PathEscape(value)] = true, true, true
	}
	longest := make([]string, 0, len(spellings))
	for spelling := range spellings {
		longest = append(longest, spelling)
	}
	// The longest first, so that no secret's tail outlives a shorter one.
	slices.SortFunc(longest, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, spelling := range longest {
		pairs = append(pairs, spelling, "***")
	}
	return strings.NewReplacer(pairs...)
}
