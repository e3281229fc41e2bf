package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/trace"
)

func logs(ours *slog.Logger, raw *rawSDK) []pair {
	other := slog.New(slog.NewMultiHandler(
		withIDs{slog.NewJSONHandler(io.Discard, nil)},
		otelslog.NewHandler("raw", otelslog.WithLoggerProvider(raw.loggers)),
	))
	ctx := context.Background()
	inSpan, span := raw.tracer.Start(ctx, "request")
	say := func(ctx context.Context, l *slog.Logger) work {
		return func(n int) {
			for range n {
				l.LogAttrs(
					ctx, slog.LevelInfo, "order taken",
					slog.String("order", "a1b2c3"), slog.Int("items", 3), slog.Duration("took", 42*time.Millisecond),
				)
			}
		}
	}
	return []pair{
		{
			name: "log", bound: thin(),
			ours: say(ctx, ours), other: say(ctx, other),
		},
		{
			name: "log in a span", bound: thin(),
			ours: say(inSpan, ours), other: say(inSpan, other),
			close: func() { span.End() },
		},
	}
}

// withIDs is the least that joins a line on the console with its trace.
type withIDs struct{ slog.Handler }

func (h withIDs) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}
