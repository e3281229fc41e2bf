package main

import (
	"errors"
	"flag"
	"io"
	"time"
)

// flags are what the command line says.
type flags struct {
	addr, postgres, redis, alertmanager string
	interval, drain, hold               time.Duration
	rules, ruleTests                    string
}

func parseFlags(args []string, stderr io.Writer) (f flags, err error) {
	set := flag.NewFlagSet("orders", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.addr, "addr", "localhost:8080", "`address` to serve on")
	set.StringVar(&f.postgres, "postgres", "", "`URL` of the database; what it lacks comes from PGHOST, PGUSER, PGPASSWORD and so on")
	set.StringVar(&f.redis, "redis", "redis://localhost:6379", "`URL` of Redis")
	set.StringVar(&f.alertmanager, "alertmanager", "", "`URL` of Alertmanager, which then gets alerts from this program")
	set.DurationVar(&f.interval, "interval", 5*time.Second, "`time` between two executions of a check")
	set.DurationVar(&f.drain, "drain", 15*time.Second, "`time` between SIGTERM, when readiness fails, and the end")
	set.DurationVar(&f.hold, "hold", 30*time.Second, "`time` that a check fails before this program alerts")
	set.StringVar(&f.rules, "rules", "", "write Prometheus alert rules about the checks to this `file`, then exit")
	set.StringVar(&f.ruleTests, "rule-tests", "", "with -rules, write unit tests of them for promtool to this `file`")
	err = set.Parse(args)
	switch {
	case err != nil:
		return f, err
	case set.NArg() > 0:
		return f, errors.New("there are flags only; see -help")
	case f.ruleTests != "" && f.rules == "":
		return f, errors.New("-rule-tests needs -rules, which they test")
	}
	return f, nil
}
