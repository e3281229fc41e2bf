package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is run in a goroutine of this process.
type program struct {
	stop   context.CancelFunc // SIGTERM, in effect
	base   string             // where it serves
	ended  chan error
	stderr bytes.Buffer
}

// begin runs the program until it says where it serves.
func begin(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &program{stop: cancel, ended: make(chan error, 1)}
	out, in := io.Pipe()
	go func() {
		p.ended <- run(ctx, append(args, "-addr", "127.0.0.1:0"), in, &p.stderr)
		in.Close()
	}()
	said := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "search" {
				said <- strings.TrimSuffix(fields[1], "/")
			}
		}
		close(said)
	}()
	p.base = <-said
	if p.base == "" {
		t.Fatalf("ended without serving: %v\n%s", <-p.ended, p.stderr.String())
	}
	return p
}

// end stops the program, which is no failure of it.
func (p *program) end(t *testing.T) {
	t.Helper()
	p.stop()
	if err := <-p.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func withoutTelemetryVariables(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

// fetch returns the status and decodes JSON into a value that is not nil.
func (p *program) fetch(ctx context.Context, path string, into any) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && into != nil {
		err = json.Unmarshal(body, into)
	}
	return res.StatusCode, err
}

// await asks until the answer is right, or fails with what is wrong with it.
func await(t *testing.T, ask func(context.Context) error) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for err := ask(t.Context()); err != nil; err = ask(t.Context()) {
		select {
		case <-limit.C:
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// The part of the console's JSON that is looked at.
type (
	operations struct {
		Operations []struct {
			Name, State                string
			Total, OK, Failed, Skipped int64
		}
	}
	checks struct {
		State  string
		Checks []struct{ Name, State string }
	}
	metrics struct {
		Instruments []struct {
			Name   string
			Series []struct {
				Attributes map[string]any
				Value      *float64
			}
		}
	}
	traces struct {
		Traces []struct {
			ID    string `json:"trace_id"`
			Name  string
			Spans int
		}
	}
)

// TestRun is the whole program, seen through its own console.
func TestRun(t *testing.T) {
	withoutTelemetryVariables(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "tree")
	files := map[string]string{"binary.go": "package \x00", "notes.txt": "nothing"}
	files["words.go"] = "package words // " + strings.ReplaceAll(strings.Join(wanted(), " "), `"`, "") // for the traffic to find
	for i := range 199 {
		files[fmt.Sprintf("pkg%d/file.go", i)] = fmt.Sprintf("package pkg%d\n\nfunc ListenAndServe() {}\n", i)
	}
	write(t, root, files)
	args := []string{"-root", root, "-db", filepath.Join(dir, "index.db")}

	p := begin(t, append(args, "-traffic")...)
	await(t, func(ctx context.Context) error { return p.hasIndexed(ctx, 201, 200) })
	await(t, p.isHealthy)
	await(t, p.hasMetrics)
	await(t, p.hasTraces)
	if status, err := p.fetch(t.Context(), "/readyz", nil); err != nil || status != http.StatusOK {
		t.Errorf("readyz: %d, %v", status, err)
	}
	var a answer
	if status, err := p.fetch(t.Context(), "/search?format=json&q=ListenAndServe", &a); err != nil || status != http.StatusOK || a.Total != 200 {
		t.Errorf("search: %d, %v, %d files", status, err, a.Total)
	}
	p.end(t)
	if !strings.Contains(p.stderr.String(), "the index is up to date") || strings.Contains(p.stderr.String(), "WARN") {
		t.Errorf("logged\n%s", p.stderr.String())
	}

	t.Run("again", func(t *testing.T) {
		p := begin(t, args...)
		await(t, func(ctx context.Context) error { return p.hasIndexed(ctx, 201, 0) })
		p.end(t)
	})
	t.Run("once", func(t *testing.T) {
		var stderr bytes.Buffer
		if err := run(t.Context(), append(args, "-once", "-fresh"), io.Discard, &stderr); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stderr.String(), `"indexed":200`) {
			t.Errorf("logged\n%s", stderr.String())
		}
	})
}

func (p *program) hasIndexed(ctx context.Context, total, ok int64) error {
	var got operations
	if _, err := p.fetch(ctx, "/debug/otelmon/api/operations", &got); err != nil {
		return err
	}
	for _, o := range got.Operations {
		if o.Name == operation && o.State == "completed" && o.Total == total && o.OK == ok && o.OK+o.Skipped == total {
			return nil
		}
	}
	return fmt.Errorf("operations: %+v", got)
}

func (p *program) isHealthy(ctx context.Context) error {
	var got checks
	if _, err := p.fetch(ctx, "/debug/otelmon/api/health", &got); err != nil {
		return err
	}
	known := map[string]string{}
	for _, c := range got.Checks {
		known[c.Name] = c.State
	}
	if known["database"] != "healthy" || known["index"] != "healthy" || known["disk"] == "" || known["memory"] == "" || len(known) != 4 {
		return fmt.Errorf("health: %+v", got)
	}
	return nil
}

func (p *program) hasMetrics(ctx context.Context) error {
	var got metrics
	if _, err := p.fetch(ctx, "/debug/otelmon/api/metrics", &got); err != nil {
		return err
	}
	seen := map[string]float64{}
	for _, i := range got.Instruments {
		for _, s := range i.Series {
			key := fmt.Sprint(i.Name, " ", cmp.Or(s.Attributes["codesearch.search.outcome"], s.Attributes["bulk.item.outcome"], any("")))
			seen[key] = 1
			if s.Value != nil {
				seen[key] = *s.Value
			}
		}
	}
	for _, want := range []string{
		"codesearch.searches found", "codesearch.results ", "codesearch.search.duration ", "db.client.operation.duration ",
		"http.server.request.duration ", "http.client.request.duration ",
	} {
		if seen[want] == 0 {
			return fmt.Errorf("no %s in %v", want, seen)
		}
	}
	// The items of other tests may be counted, too: bulk's counters are the process's.
	if seen["codesearch.files "] != 200 || seen["bulk.items ok"] < 200 || seen["bulk.items skipped"] < 1 {
		return fmt.Errorf("counted otherwise: %v", seen)
	}
	return nil
}

// hasTraces wants visitor, client, server and database in one trace.
func (p *program) hasTraces(ctx context.Context) error {
	var got traces
	if _, err := p.fetch(ctx, "/debug/otelmon/api/traces", &got); err != nil {
		return err
	}
	for _, tr := range got.Traces {
		if tr.Name == "codesearch.visit" && tr.Spans == 4 {
			return nil
		}
	}
	return fmt.Errorf("traces: %+v", got)
}

// TestRunEndsWithDeadCollector: lost telemetry is told and is no failure, and
// a dead collector does not hold the end up.
func TestRunEndsWithDeadCollector(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"tree/a.go": "package aaa"})
	withoutTelemetryVariables(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	p := begin(t, "-root", filepath.Join(dir, "tree"), "-db", filepath.Join(dir, "index.db"), "-traffic")
	await(t, func(ctx context.Context) error { return p.hasIndexed(ctx, 1, 1) })
	p.end(t)
	if !strings.Contains(p.stderr.String(), "not delivered") {
		t.Errorf("what was lost is not told:\n%s", p.stderr.String())
	}
}

func TestRunFaults(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"tree/a.go": "package aaa", "text.db": strings.Repeat("no database ", 1000)})
	db, root := filepath.Join(dir, "index.db"), filepath.Join(dir, "tree")
	withoutTelemetryVariables(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no flag":      {[]string{"tree"}, "flags only"},
		"no root":      {[]string{"-db", db, "-root", filepath.Join(dir, "gone")}, "gone"},
		"no database":  {[]string{"-root", root, "-db", filepath.Join(dir, "text.db")}, "not a database"},
		"no address":   {[]string{"-root", root, "-db", db, "-addr", "nonsense"}, "nonsense"},
		"no telemetry": {[]string{"-root", root, "-db", db}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no telemetry" {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
			}
			if err := run(t.Context(), test.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want one with %q", err, test.want)
			}
		})
	}
	if err := run(t.Context(), []string{"-h"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
}
