package mcp

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	got = append(bytes.TrimSpace(got), '\n')
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, got, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; go test -update writes it anew:\n%s", file, got)
	}
}

// laidOut is JSON with a line for each member.
func laidOut(t *testing.T, raw string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(raw), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return b.Bytes()
}

// countedIDs makes the ids of spans the same in each run.
type countedIDs struct{ n uint64 }

func (c *countedIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	var id trace.TraceID
	c.n++
	binary.BigEndian.PutUint64(id[:], c.n*0x9e3779b97f4a7c15) // so that they do not begin alike
	return id, c.NewSpanID(ctx, id)
}

func (c *countedIDs) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	c.n++
	binary.BigEndian.PutUint64(id[:], c.n)
	return id
}

// shop plays ten minutes of a shop: its database refuses connections in the last
// two, and an import stands still. It returns one of the requests that failed.
func shop(t *testing.T, r *rig) (failed trace.SpanContext) {
	t.Helper()
	r.Status(t, map[string]string{"db": "unhealthy", "disk": "healthy"}, "unhealthy")
	h, err := r.Meter().Float64Histogram("http.server.request.duration", metric.WithUnit("s"), metric.WithDescription("Duration of requests"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Meter().Int64Counter("shop.orders", metric.WithUnit("{order}"))
	if err != nil {
		t.Fatal(err)
	}
	job := []attribute.KeyValue{attribute.String(keys.BulkOperationName, "import"), attribute.String(keys.BulkOperationID, "import-1"), attribute.Int(keys.BulkItemsTotal, 1000)}
	jobCtx, op := r.Bulk(t.Context(), "bulk import", job...)
	t.Cleanup(func() { op.End() })
	for second := range 600 {
		down := second >= 480
		if second == 480 {
			r.Change(t, "db", "healthy", "unhealthy", "dial tcp 10.0.0.7:5432: connect: connection refused")
		}
		ctx, root := r.Span(t.Context(), "POST /orders", trace.WithSpanKind(trace.SpanKindServer))
		_, db := r.Span(ctx, "INSERT orders", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("db.system.name", "postgresql"), attribute.String("server.address", "10.0.0.7"), attribute.String("db.namespace", "shop")))
		<-time.After(time.Duration(3+second%5) * time.Millisecond)
		if down {
			const text = "dial tcp 10.0.0.7:5432: connect: connection refused"
			db.RecordError(errors.New(text))
			db.SetStatus(codes.Error, text)
			root.SetStatus(codes.Error, "insert order: "+text)
			r.Log(ctx, log.SeverityError, "", fmt.Sprintf("order %d failed: %s", second, text))
			failed = root.SpanContext()
		} else {
			c.Add(ctx, 1, metric.WithAttributes(attribute.String("currency", "EUR")))
			r.Log(ctx, log.SeverityInfo, "", fmt.Sprintf("order %d was placed", second))
		}
		db.End()
		<-time.After(time.Millisecond)
		root.End()
		h.Record(ctx, float64(4+second%5)/1000, metric.WithAttributes(attribute.String("http.route", "/orders")))
		if second%60 == 0 && second < 300 {
			r.Log(jobCtx, log.SeverityInfo, keys.EventBulkProgress, "import", append(job, attribute.Int(keys.BulkItemsOK, second))...)
		}
		<-time.After(time.Until(time.Date(2000, 1, 1, 0, 0, second+1, 0, time.UTC))) // the clock of a bubble begins in 2000
	}
	<-time.After(time.Second / 2) // between two samples
	return failed
}

// TestGolden shows what each tool answers about one program.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		con := console.New(console.Options{ReadToken: readToken, ActToken: actToken})
		Mount(con)
		r := &rig{taptest.New(t, con, sdktrace.WithIDGenerator(&countedIDs{})), con, con.Handler()}
		defer r.Shutdown(t)
		var level slog.LevelVar
		con.AdoptLogLevel(&level)
		sc := shop(t, r)
		id := sc.TraceID().String()
		for _, s := range []struct {
			file, tool string
			arguments  map[string]any
		}{
			{"diagnose", "diagnose", nil},
			{"status", "get_status", nil},
			{"status_of_one", "get_status", map[string]any{"component": "db"}},
			{"operations", "list_operations", nil},
			{"catalogue", "query_metrics", nil},
			{"metric", "query_metrics", map[string]any{"name": "http.server.request.duration"}},
			{"metric_of_six_hours", "query_metrics", map[string]any{"name": "shop.orders", "since": "6h"}},
			{"traces", "search_traces", map[string]any{"errors_only": true, "limit": 3}},
			{"no_traces", "search_traces", map[string]any{"name": "no such name"}},
			{"trace", "get_trace", map[string]any{"trace_id": id}},
			{"trace_path", "get_trace", map[string]any{"trace_id": id, "view": "critical_path"}},
			{"trace_errors", "get_trace", map[string]any{"trace_id": id, "view": "errors"}},
			{"trace_tree", "get_trace", map[string]any{"trace_id": id, "view": "tree"}},
			{"trace_span", "get_trace", map[string]any{"trace_id": id, "view": "span", "span_id": sc.SpanID().String()}},
			{"logs", "search_logs", map[string]any{"level": "warn", "limit": 3}},
			{"compare", "compare", map[string]any{"window": "2m"}},
			{"delivery", "get_delivery", nil},
			{"config", "get_config", nil},
			{"log_level", "set_log_level", map[string]any{"level": "debug"}},
			{"runtime", "get_runtime", nil},
			{"runtime_heap", "get_runtime", map[string]any{"sections": "heap"}},
			{"profile", "take_profile", map[string]any{"kind": "goroutine"}},
		} {
			text, isError := r.called(t, actToken, s.tool, s.arguments)
			if isError {
				t.Errorf("%s: %s", s.file, text)
				continue
			}
			t.Logf("%s: %d tokens", s.file, len(text)/4)
			golden(t, s.file+".json", laidOut(t, steady(t, s.tool, text)))
		}
		if _, err := con.SetLogLevel(t.Context(), "the test", slog.LevelInfo, 0); err != nil {
			t.Error(err)
		}
		var mistaken bytes.Buffer
		for _, m := range mistakes() {
			raw, failed := r.rpc(t, readToken, "tools/call", map[string]any{"name": m.tool, "arguments": json.RawMessage(m.arguments)})
			var got result
			if failed == "" {
				failed = "is understood"
			}
			if json.Unmarshal(raw, &got) == nil && got.IsError {
				failed = got.Content[0].Text
			}
			fmt.Fprintf(&mistaken, "%s %s\n%s\n\n", m.tool, m.arguments, failed)
		}
		golden(t, "mistakes.txt", mistaken.Bytes())
	})
}

// steady leaves out what is of this test's process and differs from run to run.
func steady(t *testing.T, tool, text string) string {
	t.Helper()
	switch tool {
	case "get_config":
		return regexp.MustCompile(`"(go|program|version)":"[^"]*"`).ReplaceAllString(text, `"$1":"…"`)
	case "get_delivery":
		return regexp.MustCompile(`"bytes":\d+`).ReplaceAllString(text, `"bytes":0`)
	case "query_metrics": // the SDK chooses examples by chance
		return regexp.MustCompile(`"trace_id":"[^"]*"`).ReplaceAllString(text, `"trace_id":"…"`)
	case "get_runtime", "take_profile":
	default:
		return text
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	for name, v := range members {
		list, isList := v.([]any)
		if !isList || name == "links" || name == "next" || name == "truncated" {
			continue
		}
		all := map[string]string{}
		for _, item := range list {
			for name := range item.(map[string]any) { //nolint:forcetypeassert // the lists are of objects
				all[name] = "…"
			}
		}
		members[name] = all
	}
	delete(members, "summary")
	delete(members, "goroutines")
	delete(members, "total")
	delete(members, "truncated")
	return string(encode(members))
}

// TestGoldenDefinitions shows what a client reads before it asks anything.
func TestGoldenDefinitions(t *testing.T) {
	r := newRig(t)
	whole := map[string]json.RawMessage{}
	for _, method := range []string{"tools/list", "resources/list", "resources/templates/list", "prompts/list"} {
		raw, failed := r.rpc(t, actToken, method, map[string]any{})
		if failed != "" {
			t.Fatal(failed)
		}
		whole[method] = raw
		golden(t, strings.ReplaceAll(method, "/", "_")+".json", laidOut(t, string(raw)))
	}
	tokens := len(instructions) / 4
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		tokens += len(whole[name]) / 4
		t.Logf("%s: %d tokens", name, len(whole[name])/4)
	}
	if tokens > 4_000 {
		t.Errorf("all definitions together: %d tokens", tokens)
	}
}
