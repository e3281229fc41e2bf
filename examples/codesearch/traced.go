package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/otelmon"
)

// traced is a database of which every query is a span and a measurement, from
// the call until the last row is read, by the semantic conventions for
// databases.
type traced struct {
	*sql.DB
	tracer   trace.Tracer
	duration otelmon.Timer
}

func newTraced(db *sql.DB) *traced {
	return &traced{
		DB:       db,
		tracer:   otel.Tracer("codesearch"),
		duration: otelmon.NewTimer("db.client.operation.duration", "Duration of database client operations."),
	}
}

// selection is a query that reads from one table. The text holds no values.
type selection struct{ table, text string }

func (s selection) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.DBSystemNameSQLite, semconv.DBOperationName("SELECT"), semconv.DBCollectionName(s.table),
	}
}

// each calls scan for every row of the answer, until it returns an error.
func (t *traced) each(ctx context.Context, s selection, scan func(*sql.Rows) error, args ...any) error {
	start := time.Now()
	ctx, span := t.tracer.Start(ctx, "SELECT "+s.table, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(s.attributes()...), trace.WithAttributes(semconv.DBQueryText(s.text)))
	defer span.End()
	duration := t.duration.With(s.attributes()...)
	n, err := t.scan(ctx, s, scan, args)
	span.SetAttributes(semconv.DBResponseReturnedRows(n))
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(semconv.ErrorType(err))
		duration = duration.With(semconv.ErrorType(err))
	}
	duration.Since(ctx, start)
	return err
}

func (t *traced) scan(ctx context.Context, s selection, scan func(*sql.Rows) error, args []any) (n int, err error) {
	rows, err := t.QueryContext(ctx, s.text, args...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}
