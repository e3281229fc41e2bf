package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxWorkers is how many batches are written at once at most.
const maxWorkers = 16

// table is where the orders go, for this run alone.
type table struct {
	db     *pgxpool.Pool
	lock   *pgxpool.Conn // holds the lock that keeps other runs away
	name   string        // quoted
	upsert string
}

// openTable makes the table if it is missing, and waits until no other run loads
// it.
func openTable(ctx context.Context, f flags, stderr io.Writer) (*table, error) {
	config, err := pgxpool.ParseConfig(f.postgres)
	if err != nil {
		return nil, fmt.Errorf("-postgres: %w", err)
	}
	config.MaxConns = maxWorkers + 2 // for the lock and the checkpoints
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	t := &table{db: db, name: pgx.Identifier(strings.Split(f.table, ".")).Sanitize()}
	t.upsert = `INSERT INTO ` + t.name + ` (id, customer, cents, placed)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::date[])
		ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, cents = excluded.cents, placed = excluded.placed`
	if err = t.create(ctx); err == nil {
		err = t.alone(ctx, stderr)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *table) close() {
	if t.lock != nil {
		_ = t.lock.Hijack().Close(context.Background()) // which frees the lock, also if it fails
	}
	t.db.Close()
}

// create is one transaction, with a lock against another run that does the same.
func (t *table) create(ctx context.Context) error {
	_, err := t.db.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('etl', 0));
		CREATE TABLE IF NOT EXISTS etl_checkpoints (job text PRIMARY KEY, source text NOT NULL, state text NOT NULL);
		CREATE TABLE IF NOT EXISTS `+t.name+` (
			id       bigint PRIMARY KEY,
			customer text   NOT NULL,
			cents    bigint NOT NULL,
			placed   date   NOT NULL)`)
	return err
}

// alone takes the lock of the table. It ends with its connection, so a run that
// is killed frees it.
func (t *table) alone(ctx context.Context, stderr io.Writer) (err error) {
	if t.lock, err = t.db.Acquire(ctx); err != nil {
		return err
	}
	var free bool
	err = t.lock.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 1))`, t.name).Scan(&free)
	if err == nil && !free {
		fmt.Fprintln(stderr, "etl: waiting for another run that loads "+t.name)
		_, err = t.lock.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 1))`, t.name)
	}
	return err
}

// storage names the table's storage, which changes when the table is emptied or
// made anew.
func (t *table) storage(ctx context.Context) (id string, err error) {
	err = t.db.QueryRow(ctx, `SELECT concat($1::text::regclass::oid, '/', pg_relation_filenode($1::text::regclass))`, t.name).Scan(&id)
	return id, err
}

// write adds the orders, or replaces those with the same id, all or none. No id
// may be there twice.
func (t *table) write(ctx context.Context, orders []order) error {
	ids, customers, cents := make([]int64, len(orders)), make([]string, len(orders)), make([]int64, len(orders))
	placed := make([]time.Time, len(orders))
	for i, o := range orders {
		ids[i], customers[i], cents[i], placed[i] = o.id, o.customer, o.cents, o.placed
	}
	_, err := t.db.Exec(ctx, t.upsert, ids, customers, cents, placed)
	return err
}

// refused tells whether PostgreSQL would not take the data: the classes 22, data
// exception, and 23, integrity constraint violation.
func refused(err error) bool { return slices.Contains([]string{"22", "23"}, class(err)) }

// busy tells whether it may take them later: the class 40, transaction rollback,
// as after a deadlock.
func busy(err error) bool { return class(err) == "40" }

func class(err error) string {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || len(answer.Code) != 5 {
		return ""
	}
	return answer.Code[:2]
}
