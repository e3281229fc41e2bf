package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/otelmon/otelmon-go/doctor"
)

func doctorCommand(ctx context.Context, args []string, c console) int {
	flags := newFlags("doctor", "[flags]", "Finds out why telemetry does not arrive: reads the settings that a program here would have, sends a span, a data\n"+
		"point and a log record, and looks for them in the stores. Exit code 1 means that something failed, 2 wrong arguments.")
	asJSON := flags.Bool("json", false, "print JSON, for machines")
	file := flags.String("env-file", "", "read further variables from this `file` of NAME=value lines, which beat the environment")
	var o doctor.Options
	flags.StringVar(&o.Binary, "binary", "", "look at the OpenTelemetry modules of this `program`")
	flags.DurationVar(&o.Timeout, "timeout", 10*time.Second, "`time` for each probe")
	flags.DurationVar(&o.Arrival, "arrival", 30*time.Second, "`time` for the probe to arrive in its store")
	const where = "; default the compose stack's if the endpoint is on this machine"
	flags.StringVar(&o.Jaeger, "jaeger", "", "look the trace up at this `URL` of Jaeger, or off"+where)
	flags.StringVar(&o.Prometheus, "prometheus", "", "look the metric up at this `URL` of Prometheus, or off"+where)
	flags.StringVar(&o.Loki, "loki", "", "look the log record up at this `URL` of Loki, or off"+where)
	if code, ok := parse(flags, args, c); !ok {
		return code
	}
	if o.Timeout <= 0 || o.Arrival <= 0 {
		_, _ = fmt.Fprintln(c.err, "otelmon doctor: -timeout and -arrival must be above 0")
		return exitUsage
	}
	o.Environ = c.environ
	if *file != "" {
		more, err := readEnv(*file)
		if err != nil {
			_, _ = fmt.Fprintln(c.err, "otelmon doctor: -env-file:", err)
			return exitUsage
		}
		o.Environ = append(more, o.Environ...) // the first counts
	}
	report := doctor.Run(ctx, o)
	if err := write(c, report, *asJSON); err != nil {
		_, _ = fmt.Fprintln(c.err, "otelmon doctor:", err)
		return exitFailed
	}
	if report.Verdict == doctor.Failed {
		return exitFailed
	}
	return exitOK
}

func readEnv(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseEnv(string(content))
}

//nolint:revive // a flag of the command decides
func write(c console, report doctor.Report, asJSON bool) error {
	if !asJSON {
		_, err := c.out.Write([]byte(render(report, styleOf(c))))
		return err
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
