package spec

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"underlay/pkg/config"
	"underlay/pkg/loadbalancer/tree"
)

// floatingWish is the floating IP that an external Service wants.
type floatingWish struct {
	network         string // "": look for one
	subnets         selector
	address         string // "": any
	portDescription *string
}

// selector chooses subnets: by id, else by name and tags.
type selector struct{ id, name, tags string }

func (s selector) matches() bool { return s.id == "" && (s.name != "" || s.tags != "") }

// floating chooses network and subnets: the class comes first, then the
// annotations, then cloud.conf; what one of them says about subnets replaces
// all that the next one says.
func (s scope) floating(conf config.LoadBalancer, class *config.LoadBalancerClass) floatingWish {
	network := s.uuid(floatNetworkID, conf.FloatingNetworkID).value
	w := floatingWish{
		network: cmp.Or(class.FloatingNetworkID, network),
		subnets: selector{conf.FloatingSubnetID, conf.FloatingSubnet, conf.FloatingSubnetTags},
	}
	own := selector{s.uuid(floatSubnetID, "").value, s.pattern(floatSubnet).value, s.text(floatSubnetTags, "").value}
	if own != (selector{}) {
		w.subnets = own
	}
	if c := (selector{class.FloatingSubnetID, class.FloatingSubnet, class.FloatingSubnetTags}); c != (selector{}) {
		w.subnets = c
	}
	if text := s.text(portDescription, ""); text.key != "" {
		w.portDescription = &text.value
	}
	return w
}

// String names the choice in messages.
func (s selector) String() string {
	var parts []string
	if s.name != "" {
		parts = append(parts, fmt.Sprintf("name %q", s.name))
	}
	if s.tags != "" {
		parts = append(parts, fmt.Sprintf("tags %q", s.tags))
	}
	return strings.Join(parts, " and ")
}

// pick gives the ids of the IPv4 subnets of a network that match, by name.
func (s selector) pick(networkID string, subnets []tree.Subnet) []string {
	var found []tree.Subnet
	for _, subnet := range subnets {
		if subnet.NetworkID == networkID && !subnet.IPv6 && matchName(s.name, subnet.Name) && matchTags(s.tags, subnet.Tags) {
			found = append(found, subnet)
		}
	}
	slices.SortFunc(found, func(a, b tree.Subnet) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	var ids []string
	for _, subnet := range found {
		ids = append(ids, subnet.ID)
	}
	return ids
}

// matchName matches the whole name with a glob, or with a regular expression
// after ~; ! in front negates. An empty pattern matches all.
func matchName(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	text, negated := strings.CutPrefix(pattern, "!")
	expression, ok := strings.CutPrefix(text, "~")
	if !ok {
		expression = globExpression(text)
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return false
	}
	span := compiled.FindStringIndex(name)
	whole := span != nil && span[0] == 0 && span[1] == len(name)
	return whole != negated
}

// globExpression writes a glob as a regular expression: * and ? do not match a
// slash, ** does; [a-z] is a class, {a,b} a choice.
func globExpression(glob string) string {
	var b strings.Builder
	b.WriteString("^")
	for rest := glob; rest != ""; {
		_, size := utf8.DecodeRuneInString(rest)
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[1:]
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		case rest[0] == '{' && strings.Contains(rest, "}"):
			choice, _, _ := strings.Cut(rest[1:], "}")
			quoted := strings.Split(choice, ",")
			for i := range quoted {
				quoted[i] = strings.TrimSuffix(strings.TrimPrefix(globExpression(quoted[i]), "^"), "$")
			}
			b.WriteString("(?:" + strings.Join(quoted, "|") + ")")
			rest = rest[len(choice)+1:]
		case rest[0] == '[' && strings.Contains(rest, "]"):
			class, _, _ := strings.Cut(rest, "]")
			b.WriteString(class + "]")
			rest = rest[len(class):]
		default:
			b.WriteString(regexp.QuoteMeta(rest[:size]))
		}
		rest = rest[size:]
	}
	b.WriteString("$")
	return b.String()
}

// matchTags matches any of the tags, all of them after &; ! in front negates. An
// empty choice matches all.
func matchTags(choice string, tags []string) bool {
	if choice == "" {
		return true
	}
	text, negated := strings.CutPrefix(choice, "!")
	text, all := strings.CutPrefix(text, "&")
	wanted := split(text)
	has := func(tag string) bool { return slices.Contains(tags, tag) }
	matched := slices.ContainsFunc(wanted, has)
	if all {
		matched = !slices.ContainsFunc(wanted, func(tag string) bool { return !has(tag) })
	}
	return matched != negated
}
