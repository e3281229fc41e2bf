package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// queryTimeout bounds one query, so that a request fails rather than wait for a
// database that does not answer.
const queryTimeout = 2 * time.Second

// store keeps orders in PostgreSQL and counts items in Redis.
type store struct {
	db      *pgxpool.Pool
	cache   *redis.Client
	ready   atomic.Bool                   // the table is there
	observe func(check string, err error) // how each use has ended
}

type order struct {
	ID       int64     `json:"id"`
	Item     string    `json:"item"`
	Quantity int       `json:"quantity"`
	Placed   time.Time `json:"placed"`
}

// openStore connects to nothing yet: the program starts without its databases,
// and readiness tells that they are missing.
func openStore(ctx context.Context, f flags) (*store, error) {
	pool, err := pgxpool.ParseConfig(f.postgres)
	if err != nil {
		return nil, fmt.Errorf("-postgres: %w", err)
	}
	pool.ConnConfig.ConnectTimeout = queryTimeout
	cache, err := redis.ParseURL(f.redis)
	if err != nil {
		return nil, fmt.Errorf("-redis: %w", err)
	}
	cache.ContextTimeoutEnabled = true // else the client outstays every deadline
	cache.DialTimeout, cache.MaxRetries = queryTimeout, 1
	db, err := pgxpool.NewWithConfig(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return &store{db: db, cache: redis.NewClient(cache), observe: func(string, error) {}}, nil
}

func (s *store) close() {
	s.db.Close()
	_ = s.cache.Close() // nothing is left to lose
}

// place stores an order. Without Redis it is stored all the same.
func (s *store) place(ctx context.Context, item string, quantity int) (o order, err error) {
	err = s.query(ctx, func(ctx context.Context) error {
		const insert = `INSERT INTO orders (item, quantity) VALUES ($1, $2) RETURNING id, item, quantity, placed`
		rows, _ := s.db.Query(ctx, insert, item, quantity) // CollectExactlyOneRow tells its error
		o, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[order])
		return err
	})
	if err == nil {
		err := s.cache.ZIncrBy(ctx, "popular", float64(quantity), item).Err()
		s.observe("redis", err)
	}
	return o, err
}

// newest returns the last orders, newest first.
func (s *store) newest(ctx context.Context, limit int) (orders []order, err error) {
	err = s.query(ctx, func(ctx context.Context) error {
		rows, _ := s.db.Query(ctx, `SELECT id, item, quantity, placed FROM orders ORDER BY id DESC LIMIT $1`, limit)
		orders, err = pgx.CollectRows(rows, pgx.RowToStructByPos[order])
		return err
	})
	return orders, err
}

// popular returns the items that were ordered most.
func (s *store) popular(ctx context.Context, limit int) ([]string, error) {
	items, err := s.cache.ZRangeArgs(ctx, redis.ZRangeArgs{Key: "popular", Start: 0, Stop: limit - 1, Rev: true}).Result()
	s.observe("redis", err)
	return items, err
}

// query runs f within the time of one query and tells health how it went.
func (s *store) query(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	err := s.create(ctx)
	if err == nil {
		err = f(ctx)
	}
	s.observe("postgres", evidence(err))
	return err
}

// create makes the table before its first use.
func (s *store) create(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	_, err := s.db.Exec(ctx, `CREATE TABLE IF NOT EXISTS orders (
		id       bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
		item     text        NOT NULL,
		quantity integer     NOT NULL CHECK (quantity > 0),
		placed   timestamptz NOT NULL DEFAULT now())`)
	s.ready.Store(err == nil)
	return err
}

// evidence is nil for an error that the data caused: the database has answered,
// and is well.
func evidence(err error) error {
	if refused(err) {
		return nil
	}
	return err
}

// refused tells whether PostgreSQL would not take the data: the classes 22, data
// exception, and 23, integrity constraint violation.
func refused(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && len(answer.Code) == 5 && (answer.Code[:2] == "22" || answer.Code[:2] == "23")
}
