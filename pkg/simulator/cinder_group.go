package simulator

// cinderGroupType is a type of groups.
type cinderGroupType struct {
	ID, Name, Description string
}
