// Command coverage reads the output of "go test -cover" and fails when a
// tested package is below the minimum.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

var line = regexp.MustCompile(`^(?:ok\s+)?\s*(\S+)\s.*coverage: ([0-9.]+)% of statements`)

func main() {
	minimum := flag.Float64("min", 80, "minimum coverage of a package, in percent")
	only := flag.String("only", "", "regular expression of the packages that must reach it; empty: all")
	flag.Parse()
	packages, err := regexp.Compile(*only)
	if err == nil {
		err = check(os.Stdin, os.Stdout, packages, *minimum)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// check copies the input and lists the packages that are below the minimum or failed.
func check(in io.Reader, out io.Writer, only *regexp.Regexp, minimum float64) error {
	var low []string
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 16<<20) // a failed comparison may print a long line
	packages := 0
	for scanner.Scan() {
		text := scanner.Text()
		_, _ = fmt.Fprintln(out, text)
		if strings.HasPrefix(text, "FAIL") {
			low = append(low, text)
		}
		match := line.FindStringSubmatch(text)
		if match == nil || !only.MatchString(match[1]) {
			continue
		}
		packages++
		if percent, err := strconv.ParseFloat(match[2], 64); err != nil || percent < minimum {
			low = append(low, fmt.Sprintf("%s: %s%%, want %.0f%% or more", match[1], match[2], minimum))
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read test output: %w", err)
	}
	if packages == 0 {
		return fmt.Errorf("no package with coverage in the input: run it behind go test -cover")
	}
	if len(low) > 0 {
		return fmt.Errorf("coverage below the minimum:\n  %s", strings.Join(low, "\n  "))
	}
	return nil
}
