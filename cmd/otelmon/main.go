// Command otelmon looks at the telemetry of Go programs.
//
//	otelmon doctor      find out why telemetry does not arrive
//	otelmon drill       break the way to the backend and count what is lost
//	otelmon mcp         let a language model ask a running program, over stdin and stdout
//	otelmon version     print the version
//	otelmon help        print what there is
//
// Every command has -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], console{os.Stdout, os.Stderr, os.Environ()})) //nolint:gocritic // nothing is left to stop
}

// console is what a command reads and writes besides its arguments.
type console struct {
	out, err io.Writer
	environ  []string
}

// command is one word after the program's name. A new one gets a file of its own
// and a line in commands.
type command struct {
	name, about string
	run         func(context.Context, []string, console) int
}

func commands() []command {
	return []command{
		{"doctor", "find out why telemetry does not arrive", doctorCommand},
		{"drill", "break the way to the backend and count what is lost", drillCommand},
		{"mcp", "let a language model ask a running program, over stdin and stdout", mcpCommand},
		{"version", "print the version", versionCommand},
	}
}

func run(ctx context.Context, args []string, c console) int {
	if len(args) == 0 {
		usage(c.err)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(c.out)
		return exitOK
	}
	for _, command := range commands() {
		if command.name == args[0] {
			return command.run(ctx, args[1:], c)
		}
	}
	_, _ = fmt.Fprintf(c.err, "otelmon: %q is no command\n\n", args[0])
	usage(c.err)
	return exitUsage
}

func usage(w io.Writer) {
	_, _ = fmt.Fprint(w, "otelmon looks at the telemetry of Go programs.\n\n")
	for _, command := range commands() {
		_, _ = fmt.Fprintf(w, "  otelmon %-10s %s\n", command.name, command.about)
	}
	_, _ = fmt.Fprint(w, "  otelmon help       print this\n\nEvery command has -h.\n")
}

// parse reads the flags of a command. It returns an exit code and false when the
// command is not to run.
func parse(flags *flag.FlagSet, args []string, c console) (code int, ok bool) {
	flags.SetOutput(c.err)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK, false
	case err != nil:
		return exitUsage, false
	case flags.NArg() > 0:
		_, _ = fmt.Fprintf(c.err, "%s takes no argument %q\n", flags.Name(), flags.Arg(0))
		return exitUsage, false
	}
	return exitOK, true
}

func versionCommand(_ context.Context, args []string, c console) int {
	if code, ok := parse(flag.NewFlagSet("otelmon version", flag.ContinueOnError), args, c); !ok {
		return code
	}
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	_, _ = fmt.Fprintln(c.out, "otelmon", version)
	return exitOK
}
