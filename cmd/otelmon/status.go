package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/otelmon/otelmon-go/internal/view"
)

func statusCommand(ctx context.Context, args []string, c console) int {
	t := newTarget("status", "[flags]", "Shows health, what is wrong with its most likely cause, operations and delivery of a running program.\n"+
		"Exit code 0 means that nothing is known to be wrong, 1 that the program is degraded or unhealthy, or has checks\n"+
		"and is not known to be healthy.")
	if code, ok := parse(t.flags, args, c); !ok {
		return code
	}
	console, err := t.connect(ctx, c)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	g, err := gather(ctx, console)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	if t.asJSON {
		err = g.write(c.out)
	} else {
		_, err = io.WriteString(c.out, drawing(c).Status(&g.status))
	}
	if code := t.printed(c, err); code != exitOK || g.status.Well() {
		return code
	}
	return exitFailed
}

// gathered is what makes the status, and the answers that it was read from.
type gathered struct {
	status view.Status
	raw    map[string]json.RawMessage
}

// mostErrors is how many records and traces a status shows.
const mostErrors = 5

// gather asks for all parts of the status. Without the first two there is none;
// that of the others one is missing is said in it.
func gather(ctx context.Context, c *client) (*gathered, error) {
	g := &gathered{raw: map[string]json.RawMessage{}}
	s := &g.status
	for i, part := range []struct {
		name, path string
		query      url.Values
		into       any
	}{
		{"summary", "api/summary", nil, &s.Summary},
		{"health", "api/health", nil, &s.Health},
		{"diagnosis", "api/diagnosis", nil, &s.Diagnosis},
		{"operations", operationsPath, nil, &s.Operations},
		{"delivery", "api/delivery", nil, &s.Delivery},
		{"failed", tracesPath, url.Values{"errors": {"1"}, "limit": {fmt.Sprint(mostErrors)}}, &s.Failed},
		{"errors", logsPath, url.Values{"level": {"error"}, "limit": {fmt.Sprint(mostErrors)}}, &s.Errors},
	} {
		raw, err := c.read(ctx, part.path, part.query)
		if err == nil {
			err = json.Unmarshal(raw, part.into)
		}
		switch {
		case err == nil:
			g.raw[part.name] = raw
		case i < 2 || ctx.Err() != nil:
			return nil, err
		default:
			s.Faults = append(s.Faults, fmt.Sprintf("No %s: %v", part.name, err))
		}
	}
	return g, nil
}

func (g *gathered) write(w io.Writer) error {
	all, err := json.Marshal(g.raw)
	if err != nil {
		return err
	}
	return writeJSON(w, all)
}
