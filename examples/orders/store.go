package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

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

// openStore connects to nothing yet: the program starts without its databases,
// and readiness tells that they are missing.
func openStore(ctx context.Context, f flags, observe func(string, error)) (*store, error) {
	cache, err := redis.ParseURL(f.redis)
	if err != nil {
		return nil, fmt.Errorf("-redis: %w", err)
	}
	cache.ContextTimeoutEnabled = true // else the client outstays every deadline
	cache.DialTimeout, cache.MaxRetries = queryTimeout, 1
	db, err := pgxpool.New(ctx, f.postgres)
	if err != nil {
		return nil, fmt.Errorf("-postgres: %w", err)
	}
	return &store{db: db, cache: redis.NewClient(cache), observe: observe}, nil
}

func (s *store) close() {
	s.db.Close()
	_ = s.cache.Close() // nothing is left to lose
}

// place stores an order and tells health how that went.
func (s *store) place(ctx context.Context, item string, quantity int) (id int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err = s.create(ctx); err == nil {
		err = s.db.QueryRow(ctx, `INSERT INTO orders (item, quantity) VALUES ($1, $2) RETURNING id`, item, quantity).Scan(&id)
	}
	if refused(err) {
		s.observe("postgres", nil) // which has answered, and is well
	} else {
		s.observe("postgres", err)
	}
	return id, err
}

// count returns how many of the item were ordered since Redis counts.
func (s *store) count(ctx context.Context, item string, quantity int) (total float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	total, err = s.cache.ZIncrBy(ctx, "ordered", float64(quantity), item).Result()
	s.observe("redis", err)
	return total, err
}

// create makes the table before its first use.
func (s *store) create(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	_, err := s.db.Exec(ctx, `CREATE TABLE IF NOT EXISTS orders (
		id       bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
		item     text    NOT NULL,
		quantity integer NOT NULL CHECK (quantity > 0))`)
	s.ready.Store(err == nil)
	return err
}

// refused tells whether PostgreSQL would not take the data: the classes 22, data
// exception, and 23, integrity constraint violation.
func refused(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && len(answer.Code) == 5 && (answer.Code[:2] == "22" || answer.Code[:2] == "23")
}
