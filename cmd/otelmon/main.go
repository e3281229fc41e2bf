// Command otelmon looks at running Go programs and their telemetry.
//
//	otelmon status      show health, what is wrong, operations and delivery
//	otelmon watch       show the same and keep it current
//	otelmon ops         show bulk operations
//	otelmon trace       list traces, or draw one over time
//	otelmon logs        show log records, or what they have in common
//	otelmon doctor      find out why telemetry does not arrive
//	otelmon drill       break the way to the backend and count what is lost
//	otelmon mcp         let a language model ask a running program, over stdin and stdout
//	otelmon completion  print the completion of a shell
//	otelmon version     print the version
//	otelmon help        print what there is
//
// The first five ask the console of a running program, which they find on this
// machine or at -url. Every command has -h.
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
	"strings"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2

	exitUnreached = 3 // no console answers
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
		{"status", "show health, what is wrong, operations and delivery", statusCommand},
		{"watch", "show the same and keep it current", watchCommand},
		{"ops", "show bulk operations", operationsCommand},
		{"trace", "list traces, or draw one over time", traceCommand},
		{"logs", "show log records, or what they have in common", logsCommand},
		{"doctor", "find out why telemetry does not arrive", doctorCommand},
		{"drill", "break the way to the backend and count what is lost", drillCommand},
		{"mcp", "let a language model ask a running program, over stdin and stdout", mcpCommand},
		{"completion", "print the completion of a shell: bash, zsh, fish", completionCommand},
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
	case "-version", "--version":
		args[0] = "version"
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
	_, _ = fmt.Fprint(w, "otelmon looks at running Go programs and their telemetry.\n\n")
	for _, command := range commands() {
		_, _ = fmt.Fprintf(w, "  otelmon %-11s %s\n", command.name, command.about)
	}
	_, _ = fmt.Fprint(w, "  otelmon help        print this\n\nEvery command has -h.\n")
}

// newFlags makes the flags of a command. The text says what it does.
func newFlags(name, arguments, text string) *flag.FlagSet {
	flags := flag.NewFlagSet("otelmon "+name, flag.ContinueOnError)
	flags.Usage = func() {
		_, _ = fmt.Fprintf(flags.Output(), "%s\n\n%s\n\n", strings.TrimSpace(flags.Name()+" "+arguments), text)
		flags.PrintDefaults()
	}
	return flags
}

// parse reads the flags of a command that takes no arguments. It returns an exit
// code and false when the command is not to run.
func parse(flags *flag.FlagSet, args []string, c console) (code int, ok bool) {
	_, code, ok = parseArguments(flags, args, 0, c)
	return code, ok
}

// parseArguments is parse for a command with some arguments at most, which may
// stand before its flags.
func parseArguments(flags *flag.FlagSet, args []string, most int, c console) (arguments []string, code int, ok bool) {
	if only, asked := c.err.(*flagsOnly); asked {
		only.flags = flags
		return nil, exitOK, false
	}
	flags.SetOutput(c.err)
	for {
		err := flags.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			return nil, exitOK, false
		case err != nil:
			return nil, exitUsage, false
		case flags.NArg() == 0:
			return arguments, exitOK, true
		case len(arguments) == most:
			_, _ = fmt.Fprintf(c.err, "%s takes no argument %q\n", flags.Name(), flags.Arg(0))
			return nil, exitUsage, false
		}
		arguments, args = append(arguments, flags.Arg(0)), flags.Args()[1:]
	}
}

func versionCommand(_ context.Context, args []string, c console) int {
	if code, ok := parse(newFlags("version", "", "Prints the version."), args, c); !ok {
		return code
	}
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	_, _ = fmt.Fprintln(c.out, "otelmon", version)
	return exitOK
}
