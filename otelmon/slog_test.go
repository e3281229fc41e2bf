package otelmon

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// records is a log processor that keeps what it is given.
type records struct{ all []sdklog.Record }

func (r *records) OnEmit(_ context.Context, record *sdklog.Record) error {
	r.all = append(r.all, record.Clone())
	return nil
}
func (r *records) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (r *records) Shutdown(context.Context) error                         { return nil }
func (r *records) ForceFlush(context.Context) error                       { return nil }

func TestLoggerWritesToConsoleAndOTLPWithTheTrace(t *testing.T) {
	var out bytes.Buffer
	exported := &records{}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(exported))
	logger := newLogger(&out, slog.LevelInfo, provider)
	ctx, span := sdktrace.NewTracerProvider().Tracer("t").Start(t.Context(), "s")
	logger.With("a", 1).WithGroup("g").InfoContext(ctx, "paid", "b", 2)
	span.End()

	var line struct {
		Msg string
		A   int
		G   struct {
			B       int
			TraceID string `json:"trace_id"`
			SpanID  string `json:"span_id"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not JSON although no terminal: %v: %s", err, &out)
	}
	sc := span.SpanContext()
	if line.Msg != "paid" || line.A != 1 || line.G.B != 2 || line.G.TraceID != sc.TraceID().String() || line.G.SpanID != sc.SpanID().String() {
		t.Errorf("got %+v from %s", line, &out)
	}
	if len(exported.all) != 1 {
		t.Fatalf("%d records exported", len(exported.all))
	}
	if r := exported.all[0]; r.Body().AsString() != "paid" || r.TraceID() != sc.TraceID() || r.SpanID() != sc.SpanID() {
		t.Errorf("exported %q in trace %s", r.Body().AsString(), r.TraceID())
	}
}

func TestLevelChangesAtRunTimeForBothOutputs(t *testing.T) {
	var out bytes.Buffer
	var level slog.LevelVar
	exported := &records{}
	logger := newLogger(&out, &level, sdklog.NewLoggerProvider(sdklog.WithProcessor(exported)))
	logger.Debug("unheard")
	if out.Len() != 0 || len(exported.all) != 0 {
		t.Errorf("debug is on by default: %s", &out)
	}
	level.Set(slog.LevelDebug)
	logger.With("k", "v").WithGroup("g").Debug("heard")
	if out.Len() == 0 || len(exported.all) != 1 {
		t.Errorf("debug is still off: %q, %d exported", &out, len(exported.all))
	}
}

func TestNilErrorInALogLineIsNoCrash(t *testing.T) {
	var out bytes.Buffer
	exported := &records{}
	logger := newLogger(&out, slog.LevelInfo, sdklog.NewLoggerProvider(sdklog.WithProcessor(exported)))
	logger.Info("failed", "err", (*broken)(nil))
	logger.Info("next")
	if len(exported.all) == 0 || exported.all[len(exported.all)-1].Body().AsString() != "next" {
		t.Errorf("exported %d records", len(exported.all))
	}
}

func TestMessagesDoNotDriveTheTerminal(t *testing.T) {
	var out bytes.Buffer
	slog.New(quoted{slog.NewTextHandler(&out, nil)}).With("a", 1).WithGroup("g").Info("x\x1b[2J\nforged line")
	if strings.ContainsRune(out.String(), 0x1b) || strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), `x\\x1b`) {
		t.Errorf("written %q", &out)
	}
}
