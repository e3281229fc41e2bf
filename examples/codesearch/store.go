package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", in pure Go
)

const (
	// applicationID marks a database file as ours, so that -db never writes
	// into somebody else's.
	applicationID = 0x676f7365
	// schemaVersion goes with schema. An index of another version is rebuilt,
	// not migrated: the files are still there.
	schemaVersion = 1
)

const schema = `
CREATE TABLE files (
	id    INTEGER PRIMARY KEY,
	path  TEXT NOT NULL UNIQUE,
	size  INTEGER NOT NULL,
	mtime INTEGER NOT NULL, -- nanoseconds since 1970, 0 when only the hash can tell
	hash  BLOB NOT NULL
);
CREATE VIRTUAL TABLE search USING fts5(path, symbols, body, tokenize = 'trigram'); -- its rowid is files.id
CREATE TABLE run (
	id       INTEGER PRIMARY KEY CHECK (id = 1),
	root     TEXT NOT NULL,
	finished INTEGER NOT NULL -- nanoseconds since 1970, 0 when it never was
);`

// store is the index on disk. One connection writes; the others read what is
// committed, and their queries are traced.
type store struct {
	path  string
	write *sql.DB
	read  *traced
}

// openStore opens the index or makes an empty one.
func openStore(ctx context.Context, path string) (_ *store, err error) {
	s := &store{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the index %s: %w", path, err), s.Close())
		}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	s.write, err = sql.Open("sqlite", dsn(path, "synchronous(NORMAL)"))
	if err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite", dsn(path, "query_only(1)"))
	if err != nil {
		return nil, err
	}
	readers.SetMaxOpenConns(4)
	s.read = newTraced(readers)
	return s, nil
}

func dsn(path string, pragmas ...string) string {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// prepare makes the tables, unless a usable index is there.
func (s *store) prepare(ctx context.Context) error {
	var id, version, tables int
	err := s.write.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&id, &version, &tables)
	switch {
	case err != nil:
		return err
	case tables > 0 && id != applicationID:
		return errors.New("this database belongs to another program; choose another file with -db")
	}
	// Not before: it writes. From now on readers do not wait for the writer.
	if _, err := s.write.ExecContext(ctx, `PRAGMA journal_mode = WAL`); err != nil {
		return err
	}
	if tables > 0 && version == schemaVersion {
		return nil
	}
	return s.clear(ctx)
}

// clear throws away all that is indexed.
func (s *store) clear(ctx context.Context) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DROP TABLE IF EXISTS files; DROP TABLE IF EXISTS search; DROP TABLE IF EXISTS run;`+schema+
			fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d;`, applicationID, schemaVersion))
		return err
	})
}

// Close ends all connections. The index stays on disk.
func (s *store) Close() error {
	var faults []error
	if s.read != nil {
		faults = append(faults, s.read.Close())
	}
	if s.write != nil {
		faults = append(faults, s.write.Close()) // the last, which tidies up the log
	}
	return errors.Join(faults...)
}

// stamp is what tells whether a file has changed.
type stamp struct {
	size  int64
	mtime time.Time
	hash  [32]byte
}

// begin starts a run over root and returns what is indexed already. When the
// index is of another root, only equal content counts as unchanged.
func (s *store) begin(ctx context.Context, root string) (map[string]stamp, error) {
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		var before string
		err := tx.QueryRowContext(ctx, `SELECT root FROM run`).Scan(&before)
		if before == root || err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE files SET mtime = 0`); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO run (id, root, finished) VALUES (1, ?, 0)`, root)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.stamps(ctx)
}

func (s *store) stamps(ctx context.Context) (map[string]stamp, error) {
	rows, err := s.write.QueryContext(ctx, `SELECT path, size, mtime, hash FROM files`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := make(map[string]stamp)
	for rows.Next() {
		var (
			path  string
			st    stamp
			mtime int64
			hash  []byte
		)
		if err := rows.Scan(&path, &st.size, &mtime, &hash); err != nil {
			return nil, err
		}
		st.mtime = time.Unix(0, mtime)
		copy(st.hash[:], hash)
		known[path] = st
	}
	return known, rows.Err()
}

// finish notes that the whole of root was indexed.
func (s *store) finish(ctx context.Context, at time.Time) error {
	_, err := s.write.ExecContext(ctx, `UPDATE run SET finished = ?`, at.UnixNano())
	return err
}

// finished is when the last whole run ended, the zero time if none did.
func (s *store) finished(ctx context.Context) (time.Time, error) {
	var at int64
	err := s.read.QueryRowContext(ctx, `SELECT finished FROM run`).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) || err == nil && at == 0 {
		return time.Time{}, nil
	}
	return time.Unix(0, at), err
}

// ping asks the index something, which an open connection alone does not.
func (s *store) ping(ctx context.Context) error {
	_, err := s.finished(ctx)
	return err
}

func (s *store) inTransaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
