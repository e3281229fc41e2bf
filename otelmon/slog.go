package otelmon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/lmittmann/tint"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/term"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// newLogger writes to w and, when there is a provider, to OpenTelemetry.
func newLogger(w io.Writer, level slog.Leveler, provider log.LoggerProvider) *slog.Logger {
	console := consoleHandler(w, level)
	if provider == nil {
		return slog.New(console)
	}
	export := otelslog.NewHandler(keys.ScopeOtelmon, otelslog.WithLoggerProvider(provider))
	return slog.New(slog.NewMultiHandler(console, leveled{export, level}))
}

// consoleHandler writes lines for people on a terminal, JSON elsewhere, both
// with the trace and span id of the record's context.
func consoleHandler(w io.Writer, level slog.Leveler) slog.Handler {
	f, ok := w.(interface{ Fd() uintptr }) // *os.File and what stands for one
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return traceIDs{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})}
	}
	return traceIDs{quoted{tint.NewTextHandler(w, &tint.Options{
		Level:      level,
		TimeFormat: "15:04:05.000",
		NoColor:    os.Getenv("NO_COLOR") != "",
	})}}
}

// quoted keeps a message from driving the terminal: tint writes it as it is.
type quoted struct{ slog.Handler }

func (h quoted) Handle(ctx context.Context, r slog.Record) error {
	if strings.ContainsFunc(r.Message, func(c rune) bool { return !unicode.IsPrint(c) }) {
		r.Message = strconv.Quote(r.Message)
	}
	return h.Handler.Handle(ctx, r)
}

func (h quoted) WithAttrs(attrs []slog.Attr) slog.Handler { return quoted{h.Handler.WithAttrs(attrs)} }

func (h quoted) WithGroup(name string) slog.Handler { return quoted{h.Handler.WithGroup(name)} }

// leveled asks for the level first: otelslog knows none of its own.
type leveled struct {
	slog.Handler
	level slog.Leveler
}

func (h leveled) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level.Level() && h.Handler.Enabled(ctx, l)
}

// Handle contains panics: otelslog and the SDK ask values for their text, and
// the Error method of a nil error panics as a rule.
func (h leveled) Handle(ctx context.Context, r slog.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("log record %.100q not exported: panic: %v", r.Message, v)
			otel.Handle(err)
		}
	}()
	return h.Handler.Handle(ctx, r)
}

func (h leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{h.Handler.WithAttrs(attrs), h.level}
}

func (h leveled) WithGroup(name string) slog.Handler {
	return leveled{h.Handler.WithGroup(name), h.level}
}

// traceIDs adds trace_id and span_id to records made inside a span. Under a
// group they stand in that group, since slog lets no handler step out of one.
type traceIDs struct{ slog.Handler }

func (h traceIDs) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h traceIDs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceIDs{h.Handler.WithAttrs(attrs)}
}

func (h traceIDs) WithGroup(name string) slog.Handler { return traceIDs{h.Handler.WithGroup(name)} }
