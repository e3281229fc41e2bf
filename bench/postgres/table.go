//go:build unix

package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// event is a row, of some 150 bytes.
type event struct {
	id, customer  int64
	placed        time.Time
	sku, country  string
	amount, cents int32
	note          string
}

func columns() []string {
	return []string{"id", "customer", "placed", "sku", "country", "amount", "cents", "note"}
}

func (e *event) values() []any {
	return []any{e.id, e.customer, e.placed, e.sku, e.country, e.amount, e.cents, e.note}
}

const note = "leave it at the door of the neighbour if nobody opens, and ring twice; thank you"

func events() iter.Seq[event] {
	begin := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	return func(yield func(event) bool) {
		for i := int64(1); ; i++ {
			e := event{i, i * 7919 % 100_000, begin.Add(time.Duration(i) * time.Second), "SKU-0123456789", "NO", int32(i % 9), int32(i % 10_000), note}
			if !yield(e) {
				return
			}
		}
	}
}

// empty makes the table as if nothing had been written before.
func empty(ctx context.Context, db *pgxpool.Pool) error {
	for _, statement := range []string{
		`DROP TABLE IF EXISTS events`,
		`CREATE TABLE events (id bigint PRIMARY KEY, customer bigint NOT NULL, placed timestamptz NOT NULL, sku text NOT NULL,
			country text NOT NULL, amount int NOT NULL, cents int NOT NULL, note text NOT NULL)`,
		`CHECKPOINT`,
	} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("empty the table: %w", err)
		}
	}
	return nil
}

// write is a way to write a batch, all or none.
type write func(ctx context.Context, db *pgxpool.Pool, batch []event) error

func copyRows(ctx context.Context, db *pgxpool.Pool, batch []event) error {
	_, err := db.CopyFrom(ctx, pgx.Identifier{"events"}, columns(), pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
		return batch[i].values(), nil
	}))
	return err
}

func insertRows(ctx context.Context, db *pgxpool.Pool, batch []event) error {
	width := len(columns())
	var text strings.Builder
	text.WriteString("INSERT INTO events (" + strings.Join(columns(), ", ") + ") VALUES ")
	values := make([]any, 0, width*len(batch))
	for i := range batch {
		for j := range width {
			fmt.Fprintf(&text, "%s$%d", separator(i, j), i*width+j+1)
		}
		text.WriteByte(')')
		values = append(values, batch[i].values()...)
	}
	_, err := db.Exec(ctx, text.String(), values...)
	return err
}

// separator is what stands before the value j of the row i.
func separator(i, j int) string {
	switch {
	case j > 0:
		return ", "
	case i > 0:
		return ", ("
	}
	return "("
}
