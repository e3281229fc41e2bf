package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
)

func completionCommand(ctx context.Context, args []string, c console) int {
	shells := shells()
	flags := flag.NewFlagSet("otelmon completion", flag.ContinueOnError)
	flags.Usage = func() {
		_, _ = fmt.Fprint(flags.Output(), "otelmon completion bash|zsh|fish\n\nPrints what completes this command in a shell:\n\n"+
			"  bash   source <(otelmon completion bash)\n"+
			"  zsh    source <(otelmon completion zsh)\n"+
			"  fish   otelmon completion fish | source\n")
	}
	arguments, code, ok := parseArguments(flags, args, 1, c)
	if !ok {
		return code
	}
	if len(arguments) == 0 || shells[arguments[0]] == nil {
		_, _ = fmt.Fprintf(c.err, "otelmon completion: want one of %s\n", strings.Join(slices.Sorted(maps.Keys(shells)), ", "))
		return exitUsage
	}
	if _, err := io.WriteString(c.out, shells[arguments[0]](shapes(ctx))); err != nil {
		_, _ = fmt.Fprintln(c.err, "otelmon completion:", err)
		return exitFailed
	}
	return exitOK
}

// shells is read by a command that is one of those it completes, so that it
// is no table.
func shells() map[string]func([]shape) string {
	return map[string]func([]shape) string{"bash": bash, "zsh": zsh, "fish": fish}
}

// shape is what a shell has to know of a command.
type shape struct {
	command
	flags []flagShape
	words []string // arguments
}

type flagShape struct {
	name, value, about string // value is empty when there is none
	words              []string
}

// flagsOnly is the output of errors of a command that is asked for its flags alone.
type flagsOnly struct {
	io.Writer

	flags *flag.FlagSet
}

// shapes asks all commands for their flags.
func shapes(ctx context.Context) []shape {
	all := []shape{}
	for _, command := range commands() {
		s := shape{command: command}
		only := &flagsOnly{Writer: io.Discard}
		command.run(ctx, nil, console{out: io.Discard, err: only})
		only.flags.VisitAll(func(f *flag.Flag) {
			value, about := flag.UnquoteUsage(f)
			one := flagShape{name: f.Name, value: value, about: about}
			if f.Name == "level" {
				one.words = store.Levels()
			}
			s.flags = append(s.flags, one)
		})
		if command.name == "completion" {
			s.words = slices.Sorted(maps.Keys(shells()))
		}
		all = append(all, s)
	}
	return append(all, shape{command: command{name: "help", about: "print what there is"}})
}

func bash(all []shape) string {
	var b, values strings.Builder
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	b.WriteString("_otelmon() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n\tCOMPREPLY=()\n")
	fmt.Fprintf(&b, "\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W %q -- \"$cur\"))\n\t\treturn\n\tfi\n", strings.Join(names, " "))
	b.WriteString("\tcase ${COMP_WORDS[1]} in\n")
	for _, s := range all {
		words := slices.Clone(s.words)
		for _, f := range s.flags {
			words = append(words, "-"+f.name)
			if len(f.words) > 0 {
				fmt.Fprintf(&values, "\t\"%s -%s\") words=%q ;;\n", s.name, f.name, strings.Join(f.words, " "))
			} else if f.value != "" {
				fmt.Fprintf(&values, "\t\"%s -%s\") return ;;\n", s.name, f.name)
			}
		}
		fmt.Fprintf(&b, "\t%s) words=%q ;;\n", s.name, strings.Join(words, " "))
	}
	b.WriteString("\tesac\n\tcase \"${COMP_WORDS[1]} $prev\" in\n" + values.String() + "\tesac\n")
	b.WriteString("\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _otelmon otelmon\n")
	return b.String()
}

func zsh(all []shape) string {
	var b strings.Builder
	b.WriteString("#compdef otelmon\n_otelmon() {\n\tlocal -a commands=(\n")
	for _, s := range all {
		fmt.Fprintf(&b, "\t\t%s\n", single(s.name+":"+s.about))
	}
	b.WriteString("\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tlocal command=$words[2]\n\tshift words\n\t((CURRENT--))\n\tcase $command in\n")
	for _, s := range all {
		fmt.Fprintf(&b, "\t%s) _arguments", s.name)
		for _, f := range s.flags {
			about := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(f.about)
			spec := "-" + f.name + "[" + about + "]"
			switch {
			case len(f.words) > 0:
				spec += ":" + f.value + ":(" + strings.Join(f.words, " ") + ")"
			case f.value != "":
				spec += ":" + f.value + ":_files"
			}
			b.WriteString(" \\\n\t\t" + single(spec))
		}
		if len(s.words) > 0 {
			b.WriteString(" \\\n\t\t" + single("1:argument:("+strings.Join(s.words, " ")+")"))
		}
		b.WriteString(" ;;\n")
	}
	b.WriteString("\tesac\n}\nif [[ $funcstack[1] == _otelmon ]]; then\n\t_otelmon \"$@\"\nelse\n\tcompdef _otelmon otelmon\nfi\n")
	return b.String()
}

func fish(all []shape) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "complete -c otelmon -n __fish_use_subcommand -f -a %s -d %s\n", s.name, single(s.about))
		in := "complete -c otelmon -n '__fish_seen_subcommand_from " + s.name + "'"
		for _, f := range s.flags {
			fmt.Fprintf(&b, "%s -o %s -d %s", in, f.name, single(f.about))
			switch {
			case len(f.words) > 0:
				fmt.Fprintf(&b, " -x -a %s", single(strings.Join(f.words, " ")))
			case f.value != "":
				b.WriteString(" -r")
			}
			b.WriteByte('\n')
		}
		if len(s.words) > 0 {
			fmt.Fprintf(&b, "%s -f -a %s\n", in, single(strings.Join(s.words, " ")))
		}
	}
	return b.String()
}

// single quotes a text for all three shells, which have no sequence in common for
// the quote itself.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", "’") + "'" }
