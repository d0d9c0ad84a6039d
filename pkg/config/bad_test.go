package config_test

import (
	"strings"
	"testing"

	"underlay/pkg/config"
)

// sound is a file without any problem; it has seven lines.
const sound = `[Global]
auth-url=https://keystone:5000/v3
region=R
username=u
password=p
tenant-name=t
domain-name=d
`

// badFiles are files with something wrong, and every warning and error that
// is to be said of them: a prefix of severity, place, key and message.
var badFiles = []struct {
	name, text string
	want       []string
}{
	// The shape of the file.
	{"empty file", "", []string{
		"error cloud.conf: [Global] auth-url: the URL of Keystone is missing; write auth-url=https://",
		"error cloud.conf: [Global] password: there are no credentials"}},
	{"UTF-16", "\xff\xfe[\x00G\x00", []string{"error cloud.conf: the file is UTF-16; save it as UTF-8"}},
	{"Latin-1", sound + "region=Z\xfcrich\n", []string{"error cloud.conf:8: [Global]: the line is not UTF-8 text"}},
	{"NUL", sound + "region=a\x00b\n", []string{"error cloud.conf:8: [Global]: the line is not UTF-8 text"}},
	{"setting before the first section", "region=R\n" + sound, []string{"error cloud.conf:1: the line stands before the first section; write [Global] above it"}},
	{"YAML instead of INI", sound + "[Route]\nrouter-id: 6ce06bce-a359-4ec1-a0d0-1636d0721afb\n", []string{"error cloud.conf:9: [Route] router-id: there is no = after the key; write router-id=value"}},
	{"a line of punctuation", sound + "---\n", []string{"error cloud.conf:8: [Global]: the line is neither a section, a setting nor a comment"}},
	{"two words without =", sound + "[Route]\nrouter id=6ce06bce-a359-4ec1-a0d0-1636d0721afb\n", []string{"error cloud.conf:9: [Route] router: there is no = after the key"}},

	// Section headers.
	{"open header", sound + "[Route\n", []string{"error cloud.conf:8: the section header is not closed; write [Route]"}},
	{"header without name", sound + "[]\n", []string{"error cloud.conf:8: the section has no name"}},
	{"header with a dot", sound + "[LoadBalancerClass.gold]\n", []string{`error cloud.conf:8: a section name has no dot; write [LoadBalancerClass "gold"]`}},
	{"subsection without quotes", sound + "[LoadBalancerClass gold]\n", []string{`error cloud.conf:8: the section header is not valid: the name in it goes in double quotes; write [LoadBalancerClass "gold"]`}},
	{"setting behind the header", sound + "[Route] router-id=x\n", []string{"error cloud.conf:8: something follows the section header"}},
	{"class without a name", sound + "[LoadBalancerClass]\n", []string{`warning cloud.conf:8: [LoadBalancerClass]: the section has no name, so nothing can refer to it; write [LoadBalancerClass "name"]`}},
	{"name where there is none", sound + "[Route \"a\"]\nrouter-id=x\n", []string{"warning cloud.conf:8: [Route]: the section takes no name, so it is ignored; write [Route]"}},
	{"misspelt section", sound + "[Routing]\nrouter-id=x\n", []string{"warning cloud.conf:8: [Routing]: there is no such section, so it is ignored; did you mean [Route]?"}},
	{"section of nobody", sound + "[VolumeAttributes]\nx=y\n", []string{"warning cloud.conf:8: [VolumeAttributes]: there is no such section, so it is ignored; the sections are Global, Networking"}},

	// Keys.
	{"misspelt key", sound + "[LoadBalancer]\nfloating-nework-id=x\n", []string{"warning cloud.conf:9: [LoadBalancer] floating-nework-id: there is no such key, so the line is ignored; did you mean floating-network-id?"}},
	{"key under another name", sound + "project-id=x\n", []string{"warning cloud.conf:8: [Global] project-id: there is no such key, so the line is ignored; did you mean tenant-id?"}},
	{"key in the wrong section", sound + "[LoadBalancer]\nrouter-id=x\n", []string{"warning cloud.conf:9: [LoadBalancer] router-id: there is no such key, so the line is ignored; router-id belongs in [Route]"}},
	{"key of nobody", sound + "[Route]\nmaximum-speed-of-light=3\n", []string{"warning cloud.conf:9: [Route] maximum-speed-of-light: there is no such key, so the line is ignored; remove the line"}},
	{"a word alone", sound + "hunter2\n", []string{"warning cloud.conf:8: [Global]: there is no such key"}},
	{"underscores", sound + "[Route]\nrouter_id=6ce06bce-a359-4ec1-a0d0-1636d0721afb\n", []string{"warning cloud.conf:9: [Route] router-id: keys are written with hyphens; write router-id"}},
	{"key written twice", sound + "region=S\n", []string{"warning cloud.conf:8: [Global] region: the key is already set in line 3; this line wins; remove one of them"}},

	// Values that gcfg reads in another way than their writers.
	{"# in a password", strings.Replace(sound, "password=p", "password=a#b", 1), []string{"error cloud.conf:5: [Global] password: the value ends at the unquoted #: the rest of the line is a comment; if the # is part"}},
	{"; in a secret", sound[:strings.Index(sound, "username")] + "application-credential-id=i\napplication-credential-secret=a;b\n", []string{"error cloud.conf:5: [Global] application-credential-secret: the value ends at the unquoted ;"}},
	{"password that begins with #", strings.Replace(sound, "password=p", "password=#b", 1), []string{"error cloud.conf:5: [Global] password: the value ends at the unquoted #"}},
	{"comment behind a password", strings.Replace(sound, "password=p", "password=p # mine", 1), []string{"warning cloud.conf:5: [Global] password: the value ends at the unquoted #"}},
	{"# in a name", strings.Replace(sound, "region=R", "region=R#1", 1), []string{"warning cloud.conf:3: [Global] region: the value ends at the unquoted #"}},
	{"unquoted backslash", strings.Replace(sound, "username=u", `username=dom\u`, 1), []string{
		`error cloud.conf:4: [Global] username: a backslash stands where it means something else; put the value in double quotes and write \\`}},
	{"unknown escape", strings.Replace(sound, "username=u", `username="dom\u"`, 1), []string{"error cloud.conf:4: [Global] username: a backslash stands where it means something else"}},
	{"open quote", strings.Replace(sound, "username=u", `username="u`, 1), []string{`error cloud.conf:4: [Global] username: a double quote is not closed; close it, or write \"`}},
	{"backslash before another setting", strings.Replace(sound, "region=R", "region=R\\", 1), []string{"error cloud.conf:3: [Global] region: the backslash at the end of the line has nothing to join; remove it"}},
	{"backslash after a password", strings.Replace(sound, "password=p", "password=p\\", 1), []string{"error cloud.conf:5: [Global] password: the backslash at the end of the line has nothing to join"}},
	{"backslash that joins a line", strings.Replace(sound, "region=R", "region=R\\\n1", 1), []string{"warning cloud.conf:3: [Global] region: the backslash at the end of the line joins the next line to the value"}},
	{"backslash that joins a line to the password", strings.Replace(sound, "password=p", "password=p\\\nq", 1), []string{"error cloud.conf:5: [Global] password: the backslash at the end of the line joins"}},
	{"backslash at the end of the file", strings.Replace(sound, "domain-name=d\n", `domain-name=d\`, 1), []string{"error cloud.conf:7: [Global] domain-name: the backslash at the end of the line has nothing to join"}},
	{"bool without a value", sound + "tls-insecure=\n", []string{"warning cloud.conf:8: [Global] tls-insecure: there is no value after the =, so the default false is used; write tls-insecure=false"}},
	{"text without a value", sound + "[LoadBalancer]\nsubnet-id\n", []string{"error cloud.conf:9: [LoadBalancer] subnet-id: the key has no value; write subnet-id=value"}},

	// Types.
	{"bad bool", sound + "[LoadBalancer]\ncreate-monitor=t\n", []string{`error cloud.conf:9: [LoadBalancer] create-monitor: "t" is not a bool; write true or false`}},
	{"bad integer", sound + "[LoadBalancer]\nmax-shared-lb=two\n", []string{`error cloud.conf:9: [LoadBalancer] max-shared-lb: "two" is not a whole number; write digits only, such as 2`}},
	{"integer with a fraction", sound + "[LoadBalancer]\nmonitor-max-retries=1.5\n", []string{`error cloud.conf:9: [LoadBalancer] monitor-max-retries: "1.5" is not a whole number`}},
	{"integer beyond all bounds", sound + "[LoadBalancer]\nmax-shared-lb=99999999999999999999\n", []string{"error cloud.conf:9: [LoadBalancer] max-shared-lb:"}},
	{"integer too small", sound + "[LoadBalancer]\nmax-shared-lb=0\n", []string{`error cloud.conf:9: [LoadBalancer] max-shared-lb: "0" is too small; write 1 or more`}},
	{"integer out of range", sound + "[LoadBalancer]\nmonitor-max-retries=11\n", []string{`error cloud.conf:9: [LoadBalancer] monitor-max-retries: "11" is out of range; write a number from 1 to 10`}},
	{"bad duration", sound + "[Metadata]\nrequest-timeout=1 minute\n", []string{`error cloud.conf:9: [Metadata] request-timeout: "1 minute" is not a duration; write a number with a unit, such as 60s`}},
	{"negative duration", sound + "[Metadata]\nrequest-timeout=-1s\n", []string{`error cloud.conf:9: [Metadata] request-timeout: "-1s" is not a positive duration`}},
	{"duration beyond all bounds", sound + "[Metadata]\nrequest-timeout=9999999999999\n", []string{`error cloud.conf:9: [Metadata] request-timeout: "9999999999999" is not a duration`}},
	{"fraction of a second", sound + "[LoadBalancer]\nmonitor-delay=5500ms\n", []string{`error cloud.conf:9: [LoadBalancer] monitor-delay: "5500ms" is not a number of whole seconds`}},
	{"name instead of an ID", sound + "[Route]\nrouter-id=my-router\n", []string{`error cloud.conf:9: [Route] router-id: "my-router" is not an OpenStack ID; write the UUID, not the name`}},
	{"bad CIDR", sound + "[Networking]\naddress-sort-order=10.0.0.0/8,10.0.0.300/24\n", []string{`error cloud.conf:9: [Networking] address-sort-order: "10.0.0.300/24" is not an IP prefix; write address/length`}},
	{"CIDR with host bits", sound + "[Networking]\naddress-sort-order=10.0.0.1/8\n", []string{`warning cloud.conf:9: [Networking] address-sort-order: "10.0.0.1/8" has bits set beyond the prefix; write 10.0.0.0/8`}},
	{"CIDR twice", sound + "[Networking]\naddress-sort-order=10.0.0.0/8\naddress-sort-order=10.0.0.0/8\n", []string{`warning cloud.conf:10: [Networking] address-sort-order: "10.0.0.0/8" is there twice`}},
	{"names with commas", sound + "[Networking]\npublic-network-name=a,b\n", []string{`warning cloud.conf:9: [Networking] public-network-name: "a,b" is one name: names are not split at commas; write a line public-network-name=`}},
	{"bad lb-method", sound + "[LoadBalancer]\nlb-method=ROUND-ROBIN\n", []string{`error cloud.conf:9: [LoadBalancer] lb-method: "ROUND-ROBIN" is not a value of this key; did you mean ROUND_ROBIN?`}},
	{"bad container-store", sound + "[LoadBalancer]\ncontainer-store=vault\n", []string{`error cloud.conf:9: [LoadBalancer] container-store: "vault" is not a value of this key; write barbican or external`}},
	{"unknown provider", sound + "[LoadBalancer]\nlb-provider=amhpora\n", []string{`warning cloud.conf:9: [LoadBalancer] lb-provider: "amhpora" is not a value known here; did you mean amphora?`}},
	{"old lb-version", sound + "[LoadBalancer]\nlb-version=v1\n", []string{`warning cloud.conf:9: [LoadBalancer] lb-version: "v1" is not a value known here`}},
	{"bad endpoint type", sound + "os-endpoint-type=private\n", []string{`error cloud.conf:8: [Global] os-endpoint-type: "private" is not a value of this key; write public, internal or admin`}},
	{"bad search order", sound + "[Metadata]\nsearch-order=configDrive,cloudInit\n", []string{`error cloud.conf:9: [Metadata] search-order: "cloudInit" is not a value of this key; write configDrive or metadataService`}},
	{"bad regular expression", sound + "[LoadBalancer]\nfloating-subnet=~(a\n", []string{`error cloud.conf:9: [LoadBalancer] floating-subnet: "(a" is not a regular expression`}},
	{"bad glob", sound + "[LoadBalancer]\nfloating-subnet=!a[\n", []string{`error cloud.conf:9: [LoadBalancer] floating-subnet: "a[" is not a glob`}},
	{"bad label", sound + "[LoadBalancer]\nnode-selector=a=b,=c\n", []string{`error cloud.conf:9: [LoadBalancer] node-selector: "=c" is not a label; write node-selector=name=value`}},
	{"bad domain", sound + "[LoadBalancer]\ningress-hostname-suffix=nip_io\n", []string{`error cloud.conf:9: [LoadBalancer] ingress-hostname-suffix: "nip_io" is not a DNS domain`}},

	// Where Keystone is.
	{"URL without scheme", strings.Replace(sound, "https://", "", 1), []string{`error cloud.conf:2: [Global] auth-url: "keystone:5000/v3" is not an http or https URL; write it as https://`}},
	{"URL with a password", strings.Replace(sound, "https://", "https://me:secret@", 1), []string{"error cloud.conf:2: [Global] auth-url: the URL holds a user name or password"}},
	{"URL that is none, with a password", strings.Replace(sound, "https://keystone", "https://me:secret@%zz", 1), []string{"error cloud.conf:2: [Global] auth-url: the value is not a URL"}},
	{"URL with a query", strings.Replace(sound, "/v3", "/v3?a=b", 1), []string{`error cloud.conf:2: [Global] auth-url: "https://keystone:5000/v3?a=b" has something after the path`}},
	{"Keystone v2.0", strings.Replace(sound, "/v3", "/v2.0/", 1), []string{"warning cloud.conf:2: [Global] auth-url: Keystone has no v2.0 API any more, so its v3 API is used; write auth-url=https://keystone:5000/v3"}},
	{"no URL", strings.Replace(sound, "auth-url=https://keystone:5000/v3\n", "", 1), []string{"error cloud.conf:1: [Global] auth-url: the URL of Keystone is missing"}},

	// As whom.
	{"no credentials", "[Global]\nauth-url=https://k/v3\ntenant-id=t\n", []string{"error cloud.conf:1: [Global] password: there are no credentials; write application-credential-id"}},
	{"no password", strings.Replace(sound, "password=p\n", "", 1), []string{"error cloud.conf:1: [Global] password: the password is missing"}},
	{"no user", strings.Replace(sound, "username=u\n", "", 1), []string{"error cloud.conf:1: [Global] username: the user is missing"}},
	{"no project", strings.Replace(sound, "tenant-name=t\n", "", 1), []string{"warning cloud.conf:1: [Global] tenant-name: there is no project, so the user's default project is used"}},
	{"user twice", sound + "user-id=1\n", []string{"error cloud.conf:4: [Global] username: there is a user-id as well, and Keystone takes one of the two; remove one"}},
	{"domain twice", sound + "domain-id=1\n", []string{"error cloud.conf:7: [Global] domain-name: there is a domain-id as well"}},
	{"domain of the user only", strings.Replace(sound, "domain-name", "user-domain-name", 1), []string{"warning cloud.conf:6: [Global] tenant-name: it has no domain of its own, so the domain of user-domain is used"}},
	{"domain of the project only", strings.Replace(sound, "domain-name", "tenant-domain-name", 1), []string{"warning cloud.conf:4: [Global] username: it has no domain of its own, so the domain of tenant-domain is used"}},
	{"application credential and password", sound + "application-credential-id=i\napplication-credential-secret=s\n", []string{
		"error cloud.conf:5: [Global] password: the key contradicts the application credential beside it",
		"warning cloud.conf:6: [Global] tenant-name: the key has no effect: an application credential has a project of its own"}},
	{"application credential without secret", "[Global]\nauth-url=https://k/v3\napplication-credential-id=i\n", []string{"error cloud.conf:1: [Global] application-credential-secret: the secret of the application credential is missing"}},
	{"application credential with a secret only", "[Global]\nauth-url=https://k/v3\napplication-credential-secret=s\n", []string{"error cloud.conf:1: [Global] application-credential-id: the application credential has neither id nor name"}},
	{"application credential by name without user", "[Global]\nauth-url=https://k/v3\napplication-credential-name=n\napplication-credential-secret=s\n", []string{"error cloud.conf:1: [Global] username: an application credential is found by its name only together with its user"}},
	{"trust without a password", "[Global]\nauth-url=https://k/v3\ntrust-id=t\ntrustee-id=u\n", []string{"error cloud.conf:1: [Global] password: the trustee's password is missing"}},
	{"trust with a project", sound + "trust-id=x\n", []string{"warning cloud.conf:6: [Global] tenant-name: the key has no effect: a trust has a project of its own"}},
	{"trust with a token", sound + "trust-id=x\ntoken=y\n", []string{"warning cloud.conf:6: [Global] tenant-name", "error cloud.conf:9: [Global] token: the key contradicts the trust beside it"}},
	{"trustee without a trust", sound + "trustee-id=x\n", []string{"warning cloud.conf:8: [Global] trustee-id: the key has no effect: there is no trust-id; remove the line"}},
	{"token", "[Global]\nauth-url=https://k/v3\nusername=u\ntenant-id=t\ntoken=x\n", []string{
		"warning cloud.conf:3: [Global] username: the key has no effect: the token stands for the user",
		"warning cloud.conf:5: [Global] token: a token cannot be renewed: everything stops when it expires"}},
	{"token and password", sound + "token=x\n", []string{"warning cloud.conf:8: [Global] token: the key has no effect: there is a password, which is used"}},
	{"certificate without key", sound + "cert-file=/c\n", []string{"error cloud.conf:1: [Global] key-file: cert-file has no key; write key-file=PATH as well"}},
	{"key without certificate", sound + "key-file=/c\n", []string{"error cloud.conf:1: [Global] cert-file: key-file has no certificate"}},
	{"no verification", sound + "tls-insecure=true\n", []string{"warning cloud.conf:8: [Global] tls-insecure: certificates are not verified"}},
	{"no verification with a CA", sound + "tls-insecure\nca-file=/ca\n", []string{"warning cloud.conf:8: [Global] tls-insecure: certificates are not verified, so that ca-file has no effect"}},
	{"cloud without use-clouds", sound + "cloud=c\nclouds-file=/f\n", []string{
		"warning cloud.conf:8: [Global] cloud: the key has no effect, because use-clouds is not true; write use-clouds=true",
		"warning cloud.conf:9: [Global] clouds-file: the key has no effect"}},
	{"clouds file where there are no files", sound + "use-clouds\n", []string{"error cloud.conf:8: [Global] use-clouds: clouds.yaml is needed, and no files are looked at here"}},
	{"a second cloud with a fault", sound + "[Global \"two\"]\nauth-url=https://k/v3\n", []string{
		`error cloud.conf:8: [Global "two"] password: there are no credentials`}},
	{"named clouds only", strings.Replace(sound, "[Global]", `[Global "one"]`, 1), []string{"warning cloud.conf: [Global]: the section has no settings: only programs that choose a cloud by name can use the file"}},

	// What settings mean together.
	{"monitor that overlaps", sound + "[LoadBalancer]\nmonitor-timeout=6\n", []string{"warning cloud.conf:9: [LoadBalancer] monitor-timeout: a check times out after 6s, but the next one starts after 5s already"}},
	{"monitor that overlaps the default", sound + "[LoadBalancer]\nmonitor-delay=2s\n", []string{"warning cloud.conf:9: [LoadBalancer] monitor-delay: a check times out after 3s, but the next one starts after 2s already"}},
	{"container that is none", sound + "[LoadBalancer]\ndefault-tls-container-ref=my-cert\n", []string{"warning cloud.conf:9: [LoadBalancer] default-tls-container-ref: it does not end in the ID of a Barbican container or secret"}},
	{"network public and internal", sound + "[Networking]\npublic-network-name=n\ninternal-network-name=n\n", []string{`warning cloud.conf:10: [Networking] internal-network-name: network "n" is both public and internal`}},
	{"too many volumes", sound + "[BlockStorage]\nnode-volume-attach-limit=300\n", []string{"warning cloud.conf:9: [BlockStorage] node-volume-attach-limit: 300 is out of range, so 256 is used"}},
}

func TestBadFiles(t *testing.T) {
	if len(badFiles) < 40 {
		t.Fatalf("the table has %d files only", len(badFiles))
	}
	for _, test := range badFiles {
		t.Run(test.name, func(t *testing.T) {
			_, report := read(test.text)
			got := lines(report, config.Warning)
			wantError := false
			for _, want := range test.want {
				wantError = wantError || strings.HasPrefix(want, "error")
				i := 0
				for i < len(got) && !strings.HasPrefix(got[i], want) {
					i++
				}
				if i == len(got) {
					t.Errorf("no problem %q in:\n%s", want, strings.Join(lines(report, config.Note), "\n"))
					continue
				}
				got = append(got[:i:i], got[i+1:]...)
			}
			if len(got) > 0 {
				t.Errorf("problems that nobody expects:\n%s", strings.Join(got, "\n"))
			}
			if gotError := report.Err() != nil; gotError != wantError {
				t.Errorf("got an error: %v, want one: %v", gotError, wantError)
			}
			if len(report.Settings) == 0 {
				t.Error("there are no effective settings")
			}
		})
	}
}

// TestNotes are files without anything wrong, of which something is said.
func TestNotes(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"router to be found", sound + "[Route]\n", "note cloud.conf:8: [Route] router-id: no router is named, so the router on the nodes' subnet is used"},
		{"empty router", sound + "[Route]\nrouter-id=\n", "note cloud.conf:8: [Route] router-id: no router is named"},
		{"ovn method", sound + "[LoadBalancer]\nlb-provider=ovn\nlb-method=ROUND_ROBIN\n", "note cloud.conf:10: [LoadBalancer] lb-method: the provider ovn knows SOURCE_IP_PORT only"},
		{"retired key", sound + "[LoadBalancer]\nuse-octavia=false\n", "note cloud.conf:9: [LoadBalancer] use-octavia: the key has no effect any more: Octavia is always used"},
		{"section of another program", sound + "[KeyManager]\nkey-id=x\n", "note cloud.conf:8: [KeyManager]: the section is for barbican-kms-plugin"},
		{"no region", strings.Replace(sound, "region=R\n", "", 1), "note cloud.conf:1: [Global] region: no region is chosen"},
		{"no domain", strings.Replace(sound, "domain-name=d\n", "", 1), "note cloud.conf:1: [Global]: no domain is given, so names are looked up in the Default domain"},
		{"project by id and name", sound + "tenant-id=i\n", "note cloud.conf:6: [Global] tenant-name: the key has no effect: tenant-id is there as well, and wins"},
		{"subnet by id and name", sound + "[LoadBalancer]\nfloating-subnet-id=6ce06bce-a359-4ec1-a0d0-1636d0721afb\nfloating-subnet=a\nfloating-subnet-tags=b\n", "note cloud.conf:10: [LoadBalancer] floating-subnet: the key has no effect: floating-subnet-id wins"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, report := read(test.text)
			if worse := lines(report, config.Warning); len(worse) > 0 {
				t.Errorf("problems:\n%s", strings.Join(worse, "\n"))
			}
			if got := lines(report, config.Note); len(got) == 0 || !strings.HasPrefix(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestAccepted are spellings that look doubtful and are fine.
func TestAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"byte order mark":         "\ufeff" + sound,
		"Windows line ends":       strings.ReplaceAll(sound, "\n", "\r\n"),
		"any case":                strings.NewReplacer("Global", "GLOBAL", "region", "Region").Replace(sound),
		"blanks":                  strings.NewReplacer("=", " = ", "[Global]", "  [ Global ]  # here").Replace(sound),
		"section twice":           sound + "[Networking]\n[Global]\nos-endpoint-type=admin\n",
		"bare seconds":            sound + "[LoadBalancer]\nmonitor-delay=5\n",
		"comments and blanks":     "# c\n; c\n\n" + sound + "   # indented\n",
		"comment behind a value":  strings.Replace(sound, "region=R", "region=R # the first", 1),
		"nothing but a comment":   strings.Replace(sound, "region=R", "region=R\ntoken=\n", 1),
		"bare bool":               sound + "[LoadBalancer]\ncreate-monitor\n",
		"quotes in the middle":    strings.Replace(sound, "username=u", `username=a" # "b`, 1),
		"commas and nothing":      sound + "[Metadata]\nsearch-order= , \n",
		"method in lower case":    sound + "[LoadBalancer]\nlb-method=source_ip\n",
		"list emptied and filled": sound + "[Networking]\npublic-network-name=a\npublic-network-name\npublic-network-name=b\n",
		"no line end at the end":  strings.TrimSuffix(sound, "\n"),
	} {
		_, report := read(text)
		if got := lines(report, config.Note); len(got) > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(got, "\n"))
		}
	}
	if got, _ := read(sound + "[Metadata]\nsearch-order=,\n"); len(got.Metadata.SearchOrder) != 2 {
		t.Errorf("got search order %q for a comma, want the default", got.Metadata.SearchOrder)
	}
	got, _ := read(sound + "[Networking]\npublic-network-name=a\npublic-network-name\npublic-network-name=b\n")
	if names := got.Networking.PublicNetworkNames; len(names) != 1 || names[0] != "b" {
		t.Errorf("got %q after a bare key emptied the list, want b alone", names)
	}
}
