package main

import (
	"context"
	"io"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/view"
)

const operationsPath = "api/operations"

func operationsCommand(ctx context.Context, args []string, c console) int {
	t := newTarget("ops", "[flags]", "Shows bulk operations: how far they are, how fast, what limits them and what failed.")
	follow := t.flags.Bool("f", false, "keep it current, in place on a terminal until q is pressed")
	every := t.everyFlag()
	if code, ok := parse(t.flags, args, c); !ok {
		return code
	}
	if !*follow {
		return one(ctx, t, c, operationsPath, nil, drawing(c).Operations)
	}
	a := &asker[store.OperationList]{t: t, c: c, ask: func(ctx context.Context, c *client) (store.OperationList, error) {
		_, list, err := readInto[store.OperationList](ctx, c, operationsPath, nil)
		return list, err
	}}
	said := map[string]string{}
	draw := func(style view.Style, l store.OperationList) string { return style.Operations(&l) }
	return a.live(ctx, *every, draw, func(l store.OperationList) error { return t.tellOperations(c, &l, said) })
}

// tellOperations writes a line for each operation of which there is something new.
// Of those that had ended before the first answer nothing is.
func (t *target) tellOperations(c console, l *store.OperationList, said map[string]string) error {
	isFirst := len(said) == 0
	for i := range l.Operations {
		o := &l.Operations[i]
		line := drawing(c).OperationLine(o, l)
		_, now, _ := strings.Cut(line, " ") // the time aside
		if o.Ended != nil {
			now = o.State
		}
		before, known := said[o.ID]
		said[o.ID] = now
		if now == before || (isFirst && o.Ended != nil && !known) {
			continue
		}
		if _, err := io.WriteString(c.out, line); err != nil {
			return err
		}
	}
	return nil
}
