package openstack

// body is what a request says of one object. What is not in it is left as it is,
// or to the service's default when the object is made.
type body map[string]any

// setTo adds a field unless there is nothing to say.
func setTo[T any](in body, key string, value *T) {
	if value != nil {
		in[key] = *value
	}
}

// setText adds a text that is not empty.
func setText(in body, key, value string) {
	if value != "" {
		in[key] = value
	}
}

// setOrClear adds a text, null for "" (none).
func setOrClear(in body, key string, value *string) {
	switch {
	case value == nil:
	case *value == "":
		in[key] = nil
	default:
		in[key] = *value
	}
}

// setList adds a list unless it is nil.
func setList(in body, key string, values []string) {
	if values != nil {
		in[key] = values
	}
}

// setListOrDefault adds a list, null for an empty one: the service's default.
func setListOrDefault(in body, key string, values []string) {
	switch {
	case values == nil:
	case len(values) == 0:
		in[key] = nil
	default:
		in[key] = values
	}
}

// withoutNone takes out what says "none" of an object that is yet to be made:
// there it goes without saying, and older services know neither field nor null.
func (b body) withoutNone() body {
	for key, value := range b {
		switch v := value.(type) {
		case nil:
			delete(b, key)
		case []string:
			if len(v) == 0 {
				delete(b, key)
			}
		case map[string]string:
			if len(v) == 0 {
				delete(b, key)
			}
		}
	}
	return b
}
