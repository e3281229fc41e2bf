package main

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// tables are those of the example. A row of backfill_parts is a partition whose
// work is committed, so their sums are what was done, whoever was killed.
const tables = `
	CREATE TABLE IF NOT EXISTS backfills (
		operation  text        PRIMARY KEY, -- the id of the bulk operation
		began      timestamptz NOT NULL DEFAULT now(),
		rows       bigint      NOT NULL,
		parts      int         NOT NULL,
		invitation jsonb       NOT NULL,
		ended      timestamptz);
	CREATE TABLE IF NOT EXISTS backfill_parts (
		operation text   NOT NULL REFERENCES backfills,
		part      int    NOT NULL,
		worker    text   NOT NULL,
		attempt   int    NOT NULL,
		ok        bigint NOT NULL DEFAULT 0,
		failed    bigint NOT NULL DEFAULT 0,
		PRIMARY KEY (operation, part));`

// These make the table to work on. Of a thousand titles one gives no slug.
const (
	sampleTable = `CREATE TABLE documents (
		id       bigint PRIMARY KEY,
		title    text   NOT NULL,
		slug     text,
		revision int    NOT NULL DEFAULT 0)`
	sampleRows = `INSERT INTO documents (id, title)
		SELECT n, CASE WHEN n % 1000 = 0 THEN '???' ELSE 'Smith & Sons: report no. ' || n END
		FROM generate_series(1, $1::int) AS n`
)

// openDatabase makes what is missing.
func openDatabase(ctx context.Context, f flags) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(f.postgres)
	if err != nil {
		return nil, fmt.Errorf("-postgres: %w", err)
	}
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err = makeTables(ctx, db, f); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func makeTables(ctx context.Context, db *pgxpool.Pool, f flags) error {
	unlock, err := lock(ctx, db, "the tables", io.Discard)
	if err != nil {
		return err
	}
	defer unlock()
	migrator, err := rivermigrate.New(riverpgxv5.New(db), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("tables of River: %w", err)
	}
	if _, err := db.Exec(ctx, tables); err != nil {
		return err
	}
	var missing bool
	err = db.QueryRow(ctx, `SELECT to_regclass('documents') IS NULL`).Scan(&missing)
	if err != nil || !missing || f.command != coordinate {
		return err
	}
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sampleTable); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sampleRows, f.rows)
		return err
	})
}

// lock waits until no other process holds the lock. It ends with its connection,
// so a process that is killed frees it.
func lock(ctx context.Context, db *pgxpool.Pool, what string, stderr io.Writer) (unlock func(), err error) {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = conn.Hijack().Close(context.WithoutCancel(ctx)) } // which frees it, also if it fails
	var free bool
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 7))`, what).Scan(&free)
	if err == nil && !free {
		fmt.Fprintf(stderr, "river: waiting for %s\n", what)
		_, err = conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 7))`, what)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}
