package main

import (
	"flag"
	"fmt"
	"io"
	"time"
)

// flags are what the command line says.
type flags struct {
	addr     string
	postgres string
	redis    string
	interval time.Duration
	drain    time.Duration
}

func parseFlags(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("orders", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.addr, "addr", "localhost:8080", "`address` to serve on")
	set.StringVar(&f.postgres, "postgres", "", "`URL` of the database; what it lacks comes from PGHOST, PGUSER, PGPASSWORD and so on")
	set.StringVar(&f.redis, "redis", "redis://localhost:6379", "`URL` of Redis")
	set.DurationVar(&f.interval, "interval", 5*time.Second, "`time` between two executions of a check")
	set.DurationVar(&f.drain, "drain", 15*time.Second, "`time` between SIGTERM, when readiness fails, and the end")
	set.Usage = func() {
		fmt.Fprintln(stderr, "orders takes orders over HTTP and keeps them in PostgreSQL.")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("%q: orders takes flags only; see -help", set.Arg(0))
	}
	return f, nil
}
