package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/otelmon/otelmon-go/doctor"
)

const width = 80 // columns of every terminal

// style is how verdicts are written, by colour or without.
type style map[doctor.Verdict]string

// styleOf colours where people want it.
func styleOf(c console) style {
	if !isColoured(c) {
		return nil
	}
	return style{doctor.OK: "\x1b[32m", doctor.Warning: "\x1b[33m", doctor.Failed: "\x1b[31m", doctor.Skipped: "\x1b[2m"}
}

// isColoured is true for people who look at a terminal and have not set NO_COLOR.
func isColoured(c console) bool {
	_, ok := terminalOf(c)
	return ok && lookup(c.environ, "NO_COLOR") == "" && lookup(c.environ, "TERM") != "dumb"
}

// terminalOf returns the output if it is a terminal.
func terminalOf(c console) (*os.File, bool) {
	file, ok := c.out.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

func (s style) paint(v doctor.Verdict, text string) string {
	if s[v] == "" {
		return text
	}
	return s[v] + text + "\x1b[0m"
}

// render writes the report for people. Checks that differ in their subject alone
// are told once.
func render(r doctor.Report, s style) string {
	var b strings.Builder
	counts := map[doctor.Verdict]int{}
	for _, c := range r.Checks {
		counts[c.Verdict]++
	}
	for _, c := range merged(r.Checks) {
		title := c.Name
		if c.Subject != "" {
			title += " of " + c.Subject
		}
		b.WriteString(s.paint(c.Verdict, fmt.Sprintf("%-8s", c.Verdict)) + title + "\n")
		wrap(&b, "", c.Found)
		if c.Fix != "" {
			wrap(&b, "-> ", c.Fix)
		}
		if c.Source != "" && c.Source != "default" && c.Verdict != doctor.OK {
			wrap(&b, "   ", "from "+c.Source)
		}
		if c.Detail != "" && !strings.Contains(c.Found, c.Detail) {
			wrap(&b, "   ", "detail: "+c.Detail)
		}
	}
	warnings := "warnings"
	if counts[doctor.Warning] == 1 {
		warnings = "warning"
	}
	fmt.Fprintf(&b, "\n%s %d ok, %d %s, %d failed, %d skipped.\nThe probe of %s has the trace id %s.\n", s.paint(r.Verdict, strings.ToUpper(string(r.Verdict))+":"),
		counts[doctor.OK], counts[doctor.Warning], warnings, counts[doctor.Failed], counts[doctor.Skipped], r.Service, r.TraceID)
	return b.String()
}

func merged(checks []doctor.Check) []doctor.Check {
	var all []doctor.Check
	for _, c := range checks {
		i := slices.IndexFunc(all, func(o doctor.Check) bool {
			return o.Name == c.Name && o.Verdict == c.Verdict && untimed(o.Found) == untimed(c.Found) && o.Fix == c.Fix && o.Source == c.Source && c.Subject != ""
		})
		if i < 0 {
			all = append(all, c)
			continue
		}
		all[i].Subject += ", " + c.Subject
	}
	return all
}

// untimed leaves out what differs between probes that fared alike.
func untimed(found string) string {
	before, _, _ := strings.Cut(found, " within ")
	return before
}

// wrap breaks text at spaces, indented below the title.
func wrap(b *strings.Builder, lead, text string) {
	const indent = "        "
	line := indent + lead
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(line + "\n")
			line, empty = indent+strings.Repeat(" ", len(lead)), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	b.WriteString(line + "\n")
}
