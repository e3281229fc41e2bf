package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/internal/view"
)

// Intervals of what is kept current.
const (
	usualEvery = 2 * time.Second
	leastEvery = 100 * time.Millisecond
)

func watchCommand(ctx context.Context, args []string, c console) int {
	t := newTarget("watch", "[flags]", "Shows what otelmon status shows and keeps it current: in place on a terminal until q is pressed, and otherwise\n"+
		"a line whenever something has changed.")
	every := t.everyFlag()
	if code, ok := parse(t.flags, args, c); !ok {
		return code
	}
	a := &asker[*gathered]{t: t, c: c, ask: gather}
	said := ""
	draw := func(style view.Style, g *gathered) string { return style.Status(&g.status) }
	return a.live(ctx, *every, draw, func(g *gathered) error {
		if t.asJSON {
			return g.write(c.out)
		}
		line := drawing(c).Line(&g.status)
		_, now, _ := strings.Cut(line, " ") // the time aside
		if now == said {
			return nil
		}
		said = now
		_, err := io.WriteString(c.out, line)
		return err
	})
}

// everyFlag adds the flag of commands that ask again and again.
func (t *target) everyFlag() *time.Duration {
	return t.flags.Duration("every", usualEvery, "`time` between two answers")
}
