package main

import (
	"errors"
	"flag"
	"io"
)

// flags are what the command line says.
type flags struct {
	postgres, file, table string
	generate              int
	budget, rate          float64
}

func parseFlags(args []string, stderr io.Writer) (f flags, err error) {
	set := flag.NewFlagSet("etl", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.postgres, "postgres", "", "`URL` of the database; what it lacks comes from PGHOST, PGUSER, PGPASSWORD and so on")
	set.StringVar(&f.file, "file", "", "CSV `file` to load")
	set.StringVar(&f.table, "table", "orders", "`name` of the table, after its schema and a dot if it has one; made if it is missing")
	set.IntVar(&f.generate, "generate", 0, "write a new -file with this `number` of sample rows, then exit")
	set.Float64Var(&f.budget, "budget", 0.01, "`share` of rows, from 0 to 1, that may be bad before the run ends")
	set.Float64Var(&f.rate, "rate", 0, "write this `number` of rows a second at most; 0 is no limit")
	err = set.Parse(args)
	switch {
	case err != nil:
		return f, err
	case set.NArg() > 0:
		return f, errors.New("there are flags only; see -help")
	case f.file == "":
		return f, errors.New("-file is missing")
	case f.table == "":
		return f, errors.New("-table is empty")
	case f.generate < 0:
		return f, errors.New("-generate is below zero")
	}
	return f, nil
}
