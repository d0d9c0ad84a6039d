package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fatih/color"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"underlay/pkg/config"
)

// The exit codes of `underlay config check`.
const (
	exitWarnings = 1 // warnings, with --strict
	exitErrors   = 2 // errors, or arguments that cannot be used
)

// NewConfigCommand makes `underlay config`, which looks at a cloud.conf
// without any cloud.
func NewConfigCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "config",
		Short: "Look at a cloud.conf",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	command.AddCommand(newConfigCheckCommand())
	return command
}

func newConfigCheckCommand() *cobra.Command {
	var strict bool
	var output string
	command := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a cloud.conf and show the effective settings, without any cloud",
		Long: `Check reads FILE as the controller manager and the CSI driver do, with the
OS_* environment and clouds.yaml for what it leaves out. It reports every
problem at once, then the effective settings and where each one comes from.
Secrets are masked. It calls no cloud. FILE may be - for the standard input.

Exit code: 0 the file can be used; 1 it has warnings, and --strict is given;
2 it has errors.`,
		Example: "  underlay config check /etc/kubernetes/cloud.conf\n  underlay config check --strict --output json cloud.conf",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(1)(cmd, args); err != nil {
				return &ExitError{Code: exitErrors, Err: errors.New("give one FILE: underlay config check FILE")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := map[string]func(io.Writer, string, config.Report) error{"text": writeReport, "json": writeReportJSON}[output]
			if !ok {
				return &ExitError{Code: exitErrors, Err: fmt.Errorf("there is no output format %q: give text or json", output)}
			}
			report := readConfig(cmd.InOrStdin(), args[0])
			if err := write(cmd.OutOrStdout(), args[0], report); err != nil {
				return fmt.Errorf("write report: %w", err)
			}
			return verdict(report, strict)
		},
	}
	command.Flags().BoolVar(&strict, "strict", false, "exit with 1 when there are warnings")
	command.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &ExitError{Code: exitErrors, Err: err} })
	return command
}

func readConfig(stdin io.Reader, file string) config.Report {
	if file == "-" {
		_, report := config.Read(stdin, "stdin", config.OSEnv())
		return report
	}
	_, report := config.Load(file)
	return report
}

func verdict(report config.Report, strict bool) error {
	switch {
	case report.Count(config.Error) > 0:
		return &ExitError{Code: exitErrors}
	case strict && report.Count(config.Warning) > 0:
		return &ExitError{Code: exitWarnings}
	default:
		return nil
	}
}

// writeReportJSON writes the report for programs; its keys are stable.
func writeReportJSON(out io.Writer, file string, report config.Report) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		File     string           `json:"file"`
		Errors   int              `json:"errors"`
		Warnings int              `json:"warnings"`
		Notes    int              `json:"notes"`
		Problems []config.Problem `json:"problems"`
		Settings []config.Setting `json:"settings"`
	}{
		file, report.Count(config.Error), report.Count(config.Warning), report.Count(config.Note),
		append([]config.Problem{}, report.Problems...), append([]config.Setting{}, report.Settings...),
	})
}

// page is the report as a person reads it. Colors only repeat what the words
// say, and appear on a terminal only.
type page struct {
	text    strings.Builder
	colored bool
	width   int // of the text; 0 for unlimited
}

func newPage(out io.Writer) *page {
	p := &page{}
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return p
	}
	p.colored = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(file.Fd())); err == nil {
		p.width = min(width, 110)
	}
	return p
}

func (p *page) paint(text string, ink ...color.Attribute) string {
	if !p.colored {
		return text
	}
	c := color.New(ink...)
	c.EnableColor()
	return c.Sprint(text)
}

func writeReport(out io.Writer, file string, report config.Report) error {
	p := newPage(out)
	for _, problem := range report.Problems {
		p.problem(file, problem)
	}
	p.summary(file, report)
	p.settings(report.Settings)
	_, err := io.WriteString(out, p.text.String())
	return err
}

var severityInk = map[config.Severity]color.Attribute{
	config.Error: color.FgRed, config.Warning: color.FgYellow, config.Note: color.FgCyan,
}

const indent = "    "

func (p *page) problem(file string, problem config.Problem) {
	ink := severityInk[problem.Severity]
	place := strings.TrimSuffix(problem.Place(), ":")
	if place == "" {
		place = file
	}
	fmt.Fprintf(&p.text, "%s %s\n", p.paint(problem.Severity.String()+":", ink, color.Bold), p.paint(place, color.Bold))
	if problem.Excerpt != "" {
		fmt.Fprintf(&p.text, "%s%s\n", indent, p.paint("| "+problem.Excerpt, color.Faint))
	}
	p.paragraph(sentence(problem.Message), "")
	if problem.Advice != "" {
		p.paragraph(sentence(problem.Advice), "→ ")
	}
	p.text.WriteString("\n")
}

// sentence begins with a capital where that changes no name, and has an end.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if strings.Trim(first, "abcdefghijklmnopqrstuvwxyz") == "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, "…") {
		return text
	}
	return text + "."
}

// paragraph writes words in lines of the page's width, after a bullet.
func (p *page) paragraph(text, bullet string) {
	column := 0
	for i, word := range strings.Fields(text) {
		length := len([]rune(word))
		switch {
		case i == 0:
			p.text.WriteString(indent + bullet)
			column = len(indent) + len([]rune(bullet))
		case p.width > 0 && column+1+length > p.width:
			p.text.WriteString("\n" + indent + strings.Repeat(" ", len([]rune(bullet))))
			column = len(indent) + len([]rune(bullet))
		default:
			p.text.WriteString(" ")
			column++
		}
		p.text.WriteString(word)
		column += length
	}
	p.text.WriteString("\n")
}

func (p *page) summary(file string, report config.Report) {
	errs, warnings, notes := report.Count(config.Error), report.Count(config.Warning), report.Count(config.Note)
	counts := []string{plural(errs, "error"), plural(warnings, "warning"), plural(notes, "note")}
	verdict, ink := "can be used", color.FgGreen
	if errs > 0 {
		verdict, ink = "cannot be used", color.FgRed
	}
	fmt.Fprintf(&p.text, "%s %s: %s.\n", file, p.paint(verdict, ink, color.Bold), strings.Join(counts, ", "))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// settings writes the effective settings, one aligned table for all sections.
func (p *page) settings(settings []config.Setting) {
	if len(settings) == 0 {
		return
	}
	keys, values := 0, 0
	for _, s := range settings {
		keys, values = max(keys, len([]rune(s.Key))), max(values, min(len([]rune(s.Value)), 48))
	}
	fmt.Fprintf(&p.text, "\n%s\n", p.paint("Effective settings", color.Bold))
	section := ""
	for _, s := range settings {
		if title := (config.Problem{Section: s.Section, Subsection: s.Subsection}).Place(); title != section {
			section = title
			fmt.Fprintf(&p.text, "\n%s\n", title)
		}
		origin := p.paint(s.Origin.String(), color.Faint)
		fmt.Fprintf(&p.text, "  %-*s  %-*s  %s\n", keys, s.Key, values, s.Value, origin)
	}
}
