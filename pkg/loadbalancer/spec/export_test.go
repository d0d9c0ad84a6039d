package spec

// Asked are the names of the annotations that Read looks for.
func Asked(in Input) map[string]bool {
	r := &reader{texts: in.Service.Annotations, asked: map[string]bool{}}
	r.read(in)
	return r.asked
}

// Names gives every annotation by the name under which Read looks for it.
var Names = declared

// MatchName and MatchTags select subnets.
var (
	MatchName = matchName
	MatchTags = matchTags
)
