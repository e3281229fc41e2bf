package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/doctor"
	"github.com/otelmon/otelmon-go/drill"
)

// victim is the hidden argument of the process that a drill kills.
const victim = "victim"

func drillCommand(ctx context.Context, args []string, c console) int {
	if slices.Equal(args, []string{victim}) {
		if err := drill.Victim(ctx, os.Stdin, c.out); err != nil {
			_, _ = fmt.Fprintln(c.err, "otelmon drill:", err)
			return exitFailed
		}
		return exitOK
	}
	flags := newFlags("drill", "[flags]", "Breaks the way to a backend in every way there is, with telemetry of its own, and compares what arrives with\n"+
		"the ledger. Exit code 1 means that something was lost without a number, 2 wrong arguments.")
	asJSON := flags.Bool("json", false, "print JSON, for machines")
	file := flags.String("env-file", "", "read further variables from this `file` of NAME=value lines, which beat the environment")
	var o drill.Options
	flags.StringVar(&o.Dir, "dir", "", "let telemetry wait in a new directory below this `directory`; default beside OTELMON_OUTBOX_DIR, and without that in memory")
	flags.BoolVar(&o.Backend, "backend", false, fmt.Sprintf("let telemetry go on to the endpoints of the settings, at most %d items", drill.MaxItems))
	if code, ok := parse(flags, args, c); !ok {
		return code
	}
	o.Environ = c.environ
	if *file != "" {
		more, err := readEnv(*file)
		if err != nil {
			_, _ = fmt.Fprintln(c.err, "otelmon drill: -env-file:", err)
			return exitUsage
		}
		o.Environ = append(more, o.Environ...) // the first counts
	}
	if o.Backend {
		_, _ = fmt.Fprintf(c.err, "At most %d spans, data points and log records of the service otelmon-drill go to the endpoints of the settings.\n", drill.MaxItems)
	}
	program, _ := os.Executable() // without one, the scenario that needs it says so
	report := drill.RunKilling(ctx, o, program, "drill", victim)
	if err := writeDrill(c, report, *asJSON); err != nil {
		_, _ = fmt.Fprintln(c.err, "otelmon drill:", err)
		return exitFailed
	}
	if report.Verdict == drill.Failed {
		return exitFailed
	}
	return exitOK
}

//nolint:revive // a flag of the command decides
func writeDrill(c console, report drill.Report, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprint(c.out, renderDrill(report, styleOf(c)))
		return err
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// renderDrill writes a line for each scenario, with the sum of its signals, and
// what is wrong below it.
func renderDrill(r drill.Report, s style) string {
	var b strings.Builder
	paint := func(v drill.Verdict) string {
		text := fmt.Sprintf("%-8s", v)
		if v == drill.Failed {
			return s.paint(doctor.Failed, text)
		}
		return s.paint(doctor.OK, text)
	}
	for _, one := range r.Scenarios {
		_, _ = fmt.Fprintf(&b, "%s%-12s %s\n        %s\n", paint(one.Verdict), one.Name, one.About, drill.Sum(one.Accounts))
		for _, reason := range one.Reasons {
			_, _ = fmt.Fprintf(&b, "     -> %s\n", reason)
		}
	}
	for _, one := range r.Skipped {
		_, _ = fmt.Fprintf(&b, "%s%-12s %s\n", s.paint(doctor.Skipped, fmt.Sprintf("%-8s", doctor.Skipped)), one.Name, one.Reason)
	}
	if len(r.Ledger) > 0 {
		_, _ = fmt.Fprintf(&b, "\nThe ledger of all, of telemetry that waits in %s:\n", r.Waits)
	}
	if len(r.Backend) > 0 {
		_, _ = fmt.Fprintf(&b, "  delivered is what %s took\n", strings.Join(r.Backend, " and "))
	}
	for _, a := range r.Ledger {
		_, _ = fmt.Fprintf(&b, "  %-8s %s\n", a.Signal, a)
	}
	if r.Fault != "" {
		_, _ = fmt.Fprintf(&b, "%sotelmon drill: %s\n", paint(r.Verdict), r.Fault)
	}
	return b.String()
}
