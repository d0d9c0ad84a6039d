package node

import (
	"strings"

	"underlay/pkg/volumes/block"
)

// mkfsArguments are the arguments for mkfs that a volume context asks for. Users
// write them as a command line ("-E nodiscard,lazy_itable_init=0 -i 65536"), which is
// all that the reference driver reads, or with commas between them ("-E nodiscard,-i
// 65536"); so a comma ends an argument where one that begins with "-" follows, or
// where the value of a lone "-x" does.
// Source: github.com/kubernetes/cloud-provider-openstack, pull request 3084.
func mkfsArguments(volumeContext map[string]string) []string {
	var arguments []string
	for _, word := range strings.Fields(volumeContext[block.ContextMkfs]) {
		pieces := strings.Split(word, ",")
		begun := len(arguments)
		for _, piece := range pieces {
			if last := len(arguments) - 1; last >= begun && !strings.HasPrefix(piece, "-") && !lone(arguments[last]) {
				arguments[last] += "," + piece
				continue
			}
			arguments = append(arguments, piece)
		}
	}
	return compacted(arguments)
}

// lone says whether an argument is an option of one letter without its value.
func lone(argument string) bool { return len(argument) == 2 && argument[0] == '-' }

// compacted drops what a comma at either end leaves.
func compacted(arguments []string) []string {
	var full []string
	for _, a := range arguments {
		if a = strings.Trim(a, ","); a != "" {
			full = append(full, a)
		}
	}
	return full
}
