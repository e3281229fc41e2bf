package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// openTraced opens a database whose queries are spans, named after statement
// and table, and are counted in db.client.operation.duration. The SDK must be
// running already.
func openTraced(dsn string) (*sql.DB, error) {
	return otelsql.Open("sqlite", dsn,
		otelsql.WithAttributes(semconv.DBSystemNameSQLite),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			OmitConnectorConnect: true,
			OmitConnResetSession: true,
			OmitConnPrepare:      true,
			OmitRows:             true, // SQLite has done nearly all of its work with the first row
			SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
				return trace.SpanContextFromContext(ctx).IsValid() // no traces of health checks alone
			},
		}),
		otelsql.WithSpanNameFormatter(func(_ context.Context, method otelsql.Method, query string) string {
			if operation, table := target(query); table != "" {
				return operation + " " + table
			}
			return string(method)
		}),
		otelsql.WithAttributesGetter(func(_ context.Context, _ otelsql.Method, query string, _ []driver.NamedValue) []attribute.KeyValue {
			operation, table := target(query)
			if table == "" {
				return nil
			}
			return []attribute.KeyValue{semconv.DBOperationName(operation), semconv.DBCollectionName(table)}
		}),
	)
}

// target is what a query does and the first table that it names.
func target(query string) (operation, table string) {
	words := strings.Fields(query)
	for i, word := range words[:max(len(words)-1, 0)] {
		if word == "FROM" {
			return words[0], strings.Trim(words[i+1], "()")
		}
	}
	return "", ""
}
