package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// The commands.
const (
	coordinate = "coordinate"
	work       = "work"
)

// flags are the command line.
type flags struct {
	command  string
	postgres string
	name     string
	rows     int
	parts    int
	rescue   time.Duration
}

func parseFlags(args []string, stderr io.Writer) (f flags, err error) {
	host, _ := os.Hostname() // an empty name is refused below
	set := flag.NewFlagSet("river", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprintf(stderr, "usage: river [flags] %s|%s\n", coordinate, work)
		set.PrintDefaults()
	}
	set.StringVar(&f.postgres, "postgres", "", "`URL` of the database; what it lacks comes from PGHOST, PGUSER, PGPASSWORD and so on")
	set.StringVar(&f.name, "name", host, "`name` by which a worker's rows are counted; the same again after a restart, and one of 64 at most")
	set.IntVar(&f.rows, "rows", 1_000_000, "`number` of sample rows, if the table documents is missing")
	set.IntVar(&f.parts, "parts", 100, "`number` of partitions that a new operation is cut into, 10000 at most")
	set.DurationVar(&f.rescue, "rescue", 15*time.Second, "`time` that a worker has for a partition before another one gets it; the same for all processes")
	err = set.Parse(args)
	f.command = set.Arg(0)
	switch {
	case err != nil:
		return f, err
	case set.NArg() != 1 || f.command != coordinate && f.command != work:
		return f, fmt.Errorf("say %s or %s, after the flags; see -help", coordinate, work)
	case f.name == "":
		return f, errors.New("-name is empty")
	case f.rows < 1:
		return f, errors.New("-rows is below one")
	case f.parts < 1 || f.parts > maxParts:
		return f, fmt.Errorf("-parts is not from 1 to %d", maxParts)
	case f.rescue < time.Second:
		return f, errors.New("-rescue is below a second")
	}
	return f, nil
}
