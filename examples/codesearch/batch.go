package main

import (
	"context"
	"database/sql"
)

// batch is what one transaction writes.
type batch struct {
	save   []document
	touch  []document // the same content as before, under a new time
	remove []string
}

func (b *batch) len() int { return len(b.save) + len(b.touch) + len(b.remove) }

// apply writes a batch, all of it or nothing, and returns how many files the
// index then has.
func (s *store) apply(ctx context.Context, b batch) (files int, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, step := range []func(context.Context, *sql.Tx) error{b.removeAll, b.touchAll, b.saveAll} {
			if err := step(ctx, tx); err != nil {
				return err
			}
		}
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM files`).Scan(&files)
	})
	return files, err
}

func (b *batch) removeAll(ctx context.Context, tx *sql.Tx) error {
	for _, path := range b.remove {
		if _, err := tx.ExecContext(ctx, `DELETE FROM search WHERE rowid = (SELECT id FROM files WHERE path = ?)`, path); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM files WHERE path = ?`, path); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) touchAll(ctx context.Context, tx *sql.Tx) error {
	for _, d := range b.touch {
		if _, err := tx.ExecContext(ctx, `UPDATE files SET size = ?, mtime = ? WHERE path = ?`,
			d.size, d.mtime.UnixNano(), d.path); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) saveAll(ctx context.Context, tx *sql.Tx) error {
	file, err := tx.PrepareContext(ctx, `INSERT INTO files (path, size, mtime, hash) VALUES (?, ?, ?, ?)
		ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime = excluded.mtime, hash = excluded.hash RETURNING id`)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := tx.PrepareContext(ctx, `INSERT OR REPLACE INTO search (rowid, path, symbols, body) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer text.Close()
	for _, d := range b.save {
		var id int64
		if err := file.QueryRowContext(ctx, d.path, d.size, d.mtime.UnixNano(), d.hash[:]).Scan(&id); err != nil {
			return err
		}
		if _, err := text.ExecContext(ctx, id, d.path, d.symbols, d.body); err != nil {
			return err
		}
	}
	return nil
}
