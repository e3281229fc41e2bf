package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelmon/otelmon-go/bulk"
)

// saveTimeout bounds one save, so that a run can be stopped when the database
// does not answer.
const saveTimeout = 5 * time.Second

// checkpoints keeps one state for each job, and what it was the state of: for
// another source it says that nothing is done.
type checkpoints struct {
	db     *pgxpool.Pool
	source string
}

var _ bulk.CheckpointStore = checkpoints{}

// Load implements [bulk.CheckpointStore].
func (c checkpoints) Load(ctx context.Context, job string) (state []byte, err error) {
	err = c.db.QueryRow(ctx, `SELECT state FROM etl_checkpoints WHERE job = $1 AND source = $2`, job, c.source).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return state, err
}

// Save implements [bulk.CheckpointStore].
func (c checkpoints) Save(ctx context.Context, job string, state []byte) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	_, err := c.db.Exec(ctx, `INSERT INTO etl_checkpoints (job, source, state) VALUES ($1, $2, $3)
		ON CONFLICT (job) DO UPDATE SET source = excluded.source, state = excluded.state`, job, c.source, string(state))
	return err
}
