package instances

// Remembered is the number of things that are kept about Nodes and servers.
func (i *Instances) Remembered() int {
	i.notices.mu.Lock()
	said := len(i.notices.said)
	i.notices.mu.Unlock()
	i.mu.Lock()
	defer i.mu.Unlock()
	return said + len(i.matched) + len(i.suspects) + len(i.sightings)
}
