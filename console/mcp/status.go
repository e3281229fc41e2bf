package mcp

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
)

// usualSince is how far back a tool looks.
const usualSince = 15 * time.Minute

func sinceArgument() argument {
	return argument{name: "since", about: "how far back", kind: kindDuration, longest: 24 * time.Hour, usual: usualSince}
}

func limitArgument(usual, most int) argument {
	return argument{name: "limit", about: "most to return", kind: kindCount, most: most, usual: usual}
}

// whatIsWrong is why diagnose is proposed.
const whatIsWrong = "what is wrong, with its likely cause"

func diagnoseTool() *tool {
	return &tool{
		name: "diagnose",
		about: "Start here. Ranked findings of what is wrong in the program with the most likely cause, evidence and next calls; empty " +
			"findings mean that nothing was found. The ref of evidence finds it again: trace by get_trace, log by the text of search_logs, " +
			"metric and delivery by the name of query_metrics, check by the component of get_status, operation by the name of " +
			"list_operations, runtime by get_runtime, start by get_status, whose version it is.",
		takes: []argument{
			{name: "component", about: "only what concerns this check, dependency, operation or endpoint"},
			{name: "since", about: "how far back", kind: kindDuration, longest: time.Hour, usual: diagnosis.UsualSince},
			{name: "limit", about: "most findings", kind: kindCount, most: diagnosis.MaxLimit, usual: diagnosis.UsualLimit},
		},
		read: (*client).diagnose,
	}
}

func (c *client) diagnose(in arguments) (*answer, error) {
	r := diagnosis.Diagnose(c.con.Store, diagnosis.Question{
		Component: in.text("component"), Since: in.duration("since"), Limit: in.count("limit"),
	})
	a := begin(r.Summary, r.AsOf, r.Window.From)
	a.put("status", r.Status)
	a.put("telemetry", r.Telemetry)
	list(a, "findings", 95, r.Total, r.Findings, c.finding)
	a.put("healthy", r.Healthy)
	for i := range r.Findings {
		for _, s := range r.Findings[i].Next {
			a.next = append(a.next, step(s))
		}
	}
	if len(r.Findings) == 0 {
		a.ask("get_status", "the checks, operations and delivery as they stand")
		a.ask("compare", "what differs from before")
	}
	a.link(c.url(""))
	return a, nil
}

func (c *client) finding(f *diagnosis.Finding) *object {
	o := view(f, "next")
	next := []step{}
	for _, s := range f.Next {
		if s, ok := c.understood(step(s)); ok {
			next = append(next, s)
		}
	}
	items(o, "next", next)
	return o
}

func statusTool() *tool {
	return &tool{
		name: "get_status",
		about: "The program as it stands: health checks with their state, reason and last changes, running bulk operations, " +
			"whether telemetry is delivered, the log level.",
		takes: []argument{{name: "component", about: "only checks whose name contains this"}, limitArgument(20, 100)},
		read:  (*client).status,
	}
}

func (c *client) status(in arguments) (*answer, error) {
	component, limit := in.text("component"), in.count("limit")
	h, s, d := c.con.Health(), c.con.Summary(), c.con.Delivery()
	of := func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(component)) }
	var checks []store.Check
	var names []string
	for _, check := range h.Checks {
		names = append(names, cut(check.Name, maxName))
		if of(check.Name) {
			checks = append(checks, check)
		}
	}
	if component != "" && len(checks) == 0 {
		return nil, fmt.Errorf("no check is named %q; the checks: %s. Bulk operations: list_operations. Endpoints and dependencies: search_traces",
			cut(component, 80), cmp.Or(strings.Join(names[:min(len(names), 20)], ", "), "none"))
	}
	var changes []store.Change
	for _, change := range h.Changes {
		if of(change.Name) {
			changes = append(changes, change)
		}
	}
	a := begin(fmt.Sprintf("%s is %s: %d of %d checks are not healthy, %d bulk operations run, %d spans failed since the start; delivery of telemetry: %s.",
		cmp.Or(s.Service, "The program"), s.State, s.Unhealthy, s.Checks, s.Running, s.Failed, d.Verdict), h.AsOf, s.Started)
	a.put("service", s.Service)
	a.put("version", s.Version)
	a.put("instance", s.Instance)
	a.put("state", h.State)
	a.put("delivery", d.Verdict)
	a.put("delivery_reason", d.Reason)
	a.put("log_level", view(c.con.LogLevel()))
	a.put("logs_warnings_and_errors", s.Problems)
	list(a, "checks", 60, len(checks), checks[:min(len(checks), limit)], func(k *store.Check) *object { return view(k) })
	list(a, "changes", 100, len(changes), changes[:min(len(changes), limit)], change)
	for i := range checks[:min(len(checks), 1)] {
		if id := checks[i].TraceID; id != "" && checks[i].State != store.StateHealthy {
			a.ask("get_trace", "the execution of the check that changed its state", "trace_id", id)
		}
	}
	if component == "" {
		a.ask("diagnose", whatIsWrong)
	}
	if s.Running > 0 {
		a.ask("list_operations", "how far they are", "state", store.StateRunning)
	}
	a.link(c.url("health"))
	return a, nil
}

func change(k *store.Change) *object { return view(k) }

// standing is what a change of which is told to who has subscribed.
func (c *client) standing() string {
	var b strings.Builder
	h := c.con.Health()
	b.WriteString(h.State)
	for _, check := range h.Checks {
		fmt.Fprintf(&b, "\n%s %s %t", check.Name, check.State, check.Flapping)
	}
	for _, op := range c.con.Operations(store.MaxLimit).Operations {
		fmt.Fprintf(&b, "\n%s %s", op.ID, op.State)
	}
	return b.String() + "\n" + c.con.Delivery().Verdict
}

func deliveryTool() *tool {
	return &tool{
		name: "get_delivery",
		about: "Whether this program's own telemetry reaches its backends: for each destination and signal what was created, " +
			"delivered, is pending and was lost, and why. Also what this server's memory dropped.",
		read: (*client).delivery,
	}
}

func (c *client) delivery(arguments) (*answer, error) {
	d, s := c.con.Delivery(), c.con.Summary()
	a := begin("Delivery of telemetry: "+d.Verdict+". "+d.Reason, time.Now(), s.Started)
	a.put("verdict", d.Verdict)
	list(a, "accounts", 70, len(d.Accounts), d.Accounts, func(d *store.DeliveryAccount) *object { return view(d) })
	list(a, "kept_here", 100, len(s.Store), s.Store, func(u *store.Usage) *object { return view(u) })
	a.ask("query_metrics", "the ledger of delivery over time", "match", "otelmon.telemetry")
	a.link(c.url("runtime"))
	return a, nil
}

func configTool() *tool {
	return &tool{
		name:  "get_config",
		about: "The effective configuration of telemetry, each value with where it came from (default, environment, code), and the build. Secrets are redacted.",
		takes: []argument{{name: "match", about: "only settings whose name or value contains this"}},
		read:  (*client).config,
	}
}

func (c *client) config(in arguments) (*answer, error) {
	all := c.con.Settings()
	found := slices.DeleteFunc(slices.Clone(all.Settings), func(s store.Setting) bool {
		return !strings.Contains(strings.ToLower(s.Name+" "+s.Value), strings.ToLower(in.text("match")))
	})
	summary := fmt.Sprintf("%d of %d settings match.", len(found), len(all.Settings))
	if all.AsOf.IsZero() {
		summary = "The settings are not known: otelmon.Start did not set up the SDK."
	}
	a := begin(summary, time.Now(), c.con.Summary().Started)
	if build, ok := debug.ReadBuildInfo(); ok { // its settings may hold secrets: -ldflags
		a.put("go", build.GoVersion)
		a.put("program", build.Path)
		a.put("version", build.Main.Version)
	}
	list(a, "settings", 100, len(found), found, func(s *store.Setting) *object { return view(s) })
	a.ask("get_delivery", "whether telemetry arrives")
	return a, nil
}
