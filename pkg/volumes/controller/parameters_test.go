package controller

import (
	"slices"
	"strings"
	"testing"
)

// What is read is declared, by the names that the code compares with.
func TestEveryParameterIsDeclared(t *testing.T) {
	for object, names := range map[string][]string{
		onClass:           {paramType, paramZone, paramMkfs, paramMetadata},
		onSnapshotClass:   {paramCopy, paramCopyZone, paramIncremental, paramMetadata},
		onGroupClass:      {paramGroupType},
		onAttributesClass: {paramType, paramMigration, metadataPrefix + "key"},
		onClaim:           {annotationAffinity, annotationAntiAffinity},
	} {
		for _, name := range names {
			if !slices.ContainsFunc(Parameters, func(p Parameter) bool { return p.On == object && strings.EqualFold(p.Name, name) }) {
				t.Errorf("%s of a %s is not declared", name, object)
			}
		}
	}
}
