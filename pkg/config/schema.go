package config

import "strings"

// Kind says how the text of a value is read.
type Kind int

// The kinds of value.
const (
	Text     Kind = iota // any text
	Bool                 // true, yes, on, 1; false, no, off, 0; a bare key is true
	Int                  // decimal, or hexadecimal after 0x
	Duration             // 5s, 1m30s, 500ms; a bare number is seconds
	Enum                 // one of Values
	Words                // Values, separated by commas
	UUID                 // an OpenStack ID
	URL                  // an absolute http or https URL
	File                 // a path that can be read
	Names                // one name a line; repeat the key for more
	CIDRs                // IP prefixes, separated by commas; may be repeated
	Pattern              // a glob, ~ and a regular expression, ! negates
	Labels               // k=v or k, separated by commas
	Domain               // a DNS domain
)

var kindNames = [...]string{
	Text: "text", Bool: "bool", Int: "integer", Duration: "duration", Enum: "one of", Words: "list of",
	UUID: "UUID", URL: "URL", File: "file", Names: "name, repeatable", CIDRs: "CIDR list",
	Pattern: "pattern", Labels: "label list", Domain: "domain",
}

// String names the kind as the reference page does.
func (k Kind) String() string { return kindNames[k] }

// Program is a set of the programs that use a key.
type Program int

// The programs that read a cloud.conf.
const (
	Controller Program = 1 << iota // openstack-cloud-controller-manager
	CSI                            // cinder-csi-plugin
)

// String names the programs.
func (p Program) String() string {
	switch p {
	case Controller:
		return "controller manager"
	case CSI:
		return "CSI driver"
	default:
		return "both"
	}
}

// Naming says whether the header of a section takes a name in quotes.
type Naming int

// The forms of a section header.
const (
	Unnamed  Naming = iota // [Route]
	MayName                // [Global] or [Global "second"]
	MustName               // [LoadBalancerClass "gold"]
)

// FirstRelease is the release in which a key arrived, unless it says otherwise.
const FirstRelease = "0.1.0"

// Section declares one section of cloud.conf.
type Section struct {
	Name    string
	Naming  Naming
	Meaning string
	Keys    []Key
	// Synonyms maps names that people write by mistake to the right key.
	Synonyms map[string]string
	// holder returns the pointer to the struct in c that the section fills.
	holder func(c *Config, name string) any
	// names lists the names of this section that c has, "" for the unnamed.
	names func(c *Config) []string
}

// Key declares one key of a section.
type Key struct {
	Name    string
	Kind    Kind
	Default string // as it would be written; "" for none
	// Meaning is what the reference page says, in sentences.
	Meaning string
	// Values are what Enum and Words accept. Open: others are accepted with a warning.
	Values []string
	Open   bool
	// Aliases are further spellings of Values.
	Aliases map[string]string
	// Min and Max bound an Int; Max 0 is no bound. WholeSeconds is for a
	// Duration that an API takes in seconds, at least one.
	Min, Max     int
	WholeSeconds bool
	Secret       bool
	UsedBy       Program
	// Since is the first release with the key; "" is the first of all.
	Since string
	// Needs names the API that the key depends on.
	Needs string
	// Env and Clouds are the variable and the clouds.yaml entries that stand
	// in for the key where the file leaves it out, in this order.
	Env, Clouds []string
	// Either groups keys that say the same thing in two ways: a value of one
	// keeps clouds.yaml and the environment from filling the others.
	Either string
	// Method is the way to authenticate that the key belongs to; "" is any.
	Method Method
	// Retired says why the key has no effect any more, and what to do.
	Retired string

	field func(holder any) any
}

// SinceRelease returns the release in which the key arrived.
func (k *Key) SinceRelease() string {
	if k.Since == "" {
		return FirstRelease
	}
	return k.Since
}

// repeats reports whether writing the key again adds to it.
func (k *Key) repeats() bool { return k.Kind == Names || k.Kind == CIDRs }

// at types the accessor of a field: at(func(r *Route) any { return &r.RouterID }).
func at[T any](field func(*T) any) func(any) any {
	return func(holder any) any { return field(holder.(*T)) }
}

// Sections returns the declaration of every section, in reference order.
func Sections() []Section { return sections }

var sections = []Section{
	globalSection, networkingSection, routeSection, metadataSection,
	loadBalancerSection, loadBalancerClassSection, blockStorageSection,
}

// elsewhere are sections that other programs keep in the same file.
var elsewhere = map[string]string{
	"keymanager": "barbican-kms-plugin",
	"manila":     "manila-csi-plugin",
}

func sectionNamed(name string) *Section {
	for i := range sections {
		if strings.EqualFold(sections[i].Name, name) {
			return &sections[i]
		}
	}
	return nil
}

func (s *Section) key(name string) *Key {
	for i := range s.Keys {
		if strings.EqualFold(s.Keys[i].Name, name) {
			return &s.Keys[i]
		}
	}
	return nil
}

func only[T any](field func(*Config) *T) (func(*Config, string) any, func(*Config) []string) {
	return func(c *Config, _ string) any { return field(c) }, func(*Config) []string { return []string{""} }
}
