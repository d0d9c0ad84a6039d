package config

// offer is what a weaker source has for a key that the file may leave out.
type offer struct {
	key    *Key
	text   string
	origin Origin
}

// fillFromEnvironment fills what [Global] and clouds.yaml leave out from the
// OS_* variables of
// https://docs.openstack.org/python-openstackclient/latest/cli/man/openstack.html#environment-variables.
func (r *reader) fillFromEnvironment(b *block) {
	if b.name != "" {
		return
	}
	var offers []offer
	for i := range b.section.Keys {
		key := &b.section.Keys[i]
		if key.Name == "cloud" { // fillFromClouds has asked for it
			continue
		}
		for _, name := range key.Env {
			if text := r.env.lookup(name); text != "" {
				offers = append(offers, offer{key, text, Origin{Kind: FromEnvironment, Name: name}})
				break
			}
		}
	}
	b.fill(offers)
}

// fill takes the offers for keys that are empty. It never mixes two ways to
// authenticate, nor the id of one thing with the name of another: who wrote a
// password into the file does not want the application credential of the shell
// that the program was started in.
func (b *block) fill(offers []offer) {
	method := b.method()
	taken := map[string]bool{}
	for i := range b.section.Keys {
		if key := &b.section.Keys[i]; b.has(key.Name) {
			taken[key.Either] = true
		}
	}
	for _, o := range offers {
		if b.has(o.key.Name) || o.key.Either != "" && taken[o.key.Either] || !b.fits(o.key, method) {
			continue
		}
		taken[o.key.Either] = true
		b.put(o.key.Name, o.text, o.origin)
	}
}

// method is the way to authenticate that the values so far have chosen; ""
// while they have not.
func (b *block) method() Method {
	switch {
	case b.has("application-credential-secret"), b.has("application-credential-id"), b.has("application-credential-name"):
		return ByApplicationCredential
	case b.has("trust-id"):
		return ByTrust
	case b.has("password"):
		return ByPassword
	case b.has("token"):
		return ByToken
	default:
		return ""
	}
}

// fits reports whether a key may be filled beside the chosen method.
func (b *block) fits(key *Key, method Method) bool {
	if method == "" {
		return true
	}
	switch key.Either {
	case "user", "user domain", "domain":
		named := b.has("application-credential-name") && !b.has("application-credential-id")
		return method == ByPassword || method == ByTrust || method == ByApplicationCredential && named
	case "project", "project domain":
		return method == ByPassword || method == ByToken
	}
	return key.Method == "" || key.Method == method || method == ByTrust && key.Method == ByPassword
}

func (b *block) has(key string) bool {
	v := b.values[key]
	return v.text() != "" || v != nil && v.bare
}

func (b *block) put(key, text string, origin Origin) {
	b.values[key] = &value{texts: []string{text}, origin: origin}
}
