package world

import "strings"

// Races finds the reports of the race detector in a log, but for one that is not
// ours: in k8s.io/cloud-provider v0.37.2 the service controller writes the
// cached state of a Service (controllers/service/controller.go:339) while its
// node sync reads it. Nothing of ours has a part in it, and what is read is the
// same Service, older or newer.
func Races(log string) []string {
	const rule = "=================="
	var found []string
	for _, report := range strings.Split(log, rule) {
		if strings.Contains(report, "WARNING: DATA RACE") && !knownRace(report) {
			found = append(found, strings.TrimSpace(report))
		}
	}
	return found
}

// knownRace says whether both sides of a race are the framework's service controller.
func knownRace(report string) bool {
	const controller = "k8s.io/cloud-provider/controllers/service.(*"
	lines := strings.Split(report, "\n")
	theirs := 0
	for i, line := range lines[:max(len(lines)-1, 0)] {
		line = strings.TrimSpace(line)
		access := strings.HasPrefix(line, "Read at") || strings.HasPrefix(line, "Write at") || strings.HasPrefix(line, "Previous")
		if access && strings.HasPrefix(strings.TrimSpace(lines[i+1]), controller) {
			theirs++
		}
	}
	return theirs == 2 && strings.Contains(report, controller+"Controller).processServiceCreateOrUpdate()")
}
