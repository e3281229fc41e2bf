package mcp

import (
	"fmt"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// A running operation that has made no progress for so many seconds is called
// stalled.
const stalledAfter = 30

const stateStalled = "stalled"

func operationsTool() *tool {
	return &tool{
		name: "list_operations",
		about: "Bulk operations (jobs, imports, batches), running ones first: progress, rate, ETA, counts, what limits them, " +
			"whether they stand still, and items that failed.",
		takes: []argument{
			{name: "state", about: "only these", kind: kindChoice, choices: []string{"running", stateStalled, "completed", "failed", "canceled"}},
			{name: "name", about: "only whose name or id contains this"},
			limitArgument(10, 50),
		},
		read: (*client).operations,
	}
}

func (c *client) operations(in arguments) (*answer, error) {
	state, name, limit := in.text("state"), in.text("name"), in.count("limit")
	kept := c.con.Operations(store.MaxLimit)
	idle := c.idle()
	var found []store.Operation
	for _, op := range kept.Operations {
		stalled := op.Ended == nil && idle[op.Name] >= stalledAfter
		ofState := state == "" || op.State == state || state == stateStalled && stalled
		if ofState && strings.Contains(strings.ToLower(op.Name+" "+op.ID), strings.ToLower(name)) {
			found = append(found, op)
		}
	}
	a := begin(fmt.Sprintf("%d operations match; %d of %d that are kept run.", len(found), kept.Running, kept.Total), kept.AsOf, c.con.Summary().Started)
	list(a, "operations", 100, len(found), found[:min(len(found), limit)], func(op *store.Operation) *object {
		return operation(op, idle[op.Name])
	})
	if len(found) > 0 {
		first := &found[0]
		if first.TraceID != "" {
			a.ask("get_trace", "what the first of them does, or did", "trace_id", first.TraceID)
			a.ask("search_logs", "what was logged in it", "trace_id", first.TraceID)
		}
		if first.Ended == nil && idle[first.Name] >= stalledAfter {
			a.ask("get_runtime", "where its goroutines wait", "sections", "goroutines")
		}
	} else if state != "" || name != "" {
		a.ask("list_operations", "all that are kept")
	}
	a.link(c.url("operations"))
	return a, nil
}

// idle returns how long, in seconds, the operations of each name have made no
// progress.
func (c *client) idle() map[string]store.Number {
	idle := map[string]store.Number{}
	for _, in := range c.con.Instruments(func(name string) bool { return name == keys.BulkOperationIdleTime }) {
		for _, s := range in.Series {
			idle[s.Attributes.Get(keys.BulkOperationName)] = s.Value
		}
	}
	return idle
}

func operation(op *store.Operation, idle store.Number) *object {
	o := view(op, "updated", "span_id")
	if op.Ended == nil {
		o.put("idle_seconds", idle)
		o.put(stateStalled, idle >= stalledAfter)
	}
	return o
}
