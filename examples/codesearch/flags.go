package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// flags are what the command line says.
type flags struct {
	addr    string
	root    string
	db      string
	traffic bool
	once    bool
	fresh   bool
	token   string // of the console

	faults     []string
	faultAfter time.Duration
}

// tokenVariable is where the command otelmon looks for the token, too.
const tokenVariable = "OTELMON_CONSOLE_TOKEN"

// leastToken is the least length of a token that lets anybody in.
const leastToken = 16

func parseFlags(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("codesearch", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.addr, "addr", "127.0.0.1:8080", "`address` to serve on; a free port is taken when this one is not free")
	set.StringVar(&f.root, "root", "", "source `folder` to index (default: the standard library of the go command)")
	set.StringVar(&f.db, "db", "", "`file` of the index (default: codesearch.db in the user's cache folder)")
	set.BoolVar(&f.traffic, "traffic", false, "search five times a second once all is indexed, so that there is something to see")
	set.BoolVar(&f.once, "once", false, "index, then exit, without serving")
	set.BoolVar(&f.fresh, "fresh", false, "throw the index away first")
	set.StringVar(&f.token, "token", "", "`text` that the console asks for, 16 bytes or more (default: "+tokenVariable+", or none)")
	set.DurationVar(&f.faultAfter, "fault-after", 30*time.Second, "time from the end of the indexing until the faults begin")
	planted := set.String("fault", "", "plant these `faults`, as a list with commas, to watch them be found; use it with -traffic")
	set.Usage = func() {
		fmt.Fprintln(stderr, "codesearch indexes Go files and serves a search for them.")
		set.PrintDefaults()
		fmt.Fprintln(stderr, "\nFaults that -fault plants:")
		for _, p := range plantable() {
			fmt.Fprintf(stderr, "  %-12s %s\n", p[0], p[1])
		}
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("%q: codesearch takes flags only; see -help", set.Arg(0))
	}
	var err error
	if f.faults, err = parseFaults(*planted); err != nil {
		return f, fmt.Errorf("-fault: %w", err)
	}
	f.token = cmp.Or(f.token, os.Getenv(tokenVariable))
	if f.token != "" && len(f.token) < leastToken {
		return f, fmt.Errorf("-token: want at least %d bytes", leastToken)
	}
	if f.db == "" {
		f.db = defaultDatabase()
	}
	f.db, err = filepath.Abs(f.db)
	return f, err
}

// defaultDatabase lies where the system keeps what can be made again, or here.
func defaultDatabase() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "otelmon", "codesearch.db")
	}
	return "codesearch.db"
}
