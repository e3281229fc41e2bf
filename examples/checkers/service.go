package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	_ "modernc.org/sqlite"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
	"github.com/otelmon/otelmon-go/otelmon"
)

// service takes orders.
type service struct {
	dir    string
	db     *sql.DB
	nc     *nats.Conn
	orders *nats.Subscription
	beat   *checkers.Heartbeat
	done   chan struct{}
}

func open(broker, dir string) (*service, error) {
	db, err := sql.Open("sqlite", filepath.Join(dir, "orders.db"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer at a time
	_, err = db.Exec("CREATE TABLE IF NOT EXISTS orders (text TEXT NOT NULL)")
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	nc, err := nats.Connect(broker, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &service{dir: dir, db: db, nc: nc, done: make(chan struct{})}
	s.beat = checkers.NewHeartbeat(checkers.DurationLimits{Degraded: 10 * time.Second, Unhealthy: time.Minute})
	if s.orders, err = nc.SubscribeSync("orders"); err != nil {
		nc.Close()
		return nil, errors.Join(err, db.Close())
	}
	go s.consume()
	return s, nil
}

// consume ends when the connection is closed, and on a failure: then the
// heartbeat falls silent.
func (s *service) consume() {
	defer close(s.done)
	for {
		s.beat.Beat()
		order, err := s.orders.NextMsg(time.Second)
		if err == nil {
			_, err = s.db.Exec("INSERT INTO orders VALUES (?)", string(order.Data))
		}
		if err != nil && !errors.Is(err, nats.ErrTimeout) {
			return
		}
	}
}

func (s *service) close() error {
	s.nc.Close()
	<-s.done
	return s.db.Close()
}

func (s *service) waiting(context.Context) (int64, error) {
	n, _, err := s.orders.Pending()
	return int64(n), err
}

// register adds the checks. What costs nothing is asked each second.
func (s *service) register(checks *health.Registry, mon *otelmon.Monitor) error {
	var errs []error
	for _, c := range []health.Check{
		{Name: "nats", Func: checkers.Connected(s.nc.IsConnected), Critical: true, Interval: time.Second},
		{Name: "sqlite", Func: checkers.Slow(100*time.Millisecond, checkers.SQL(s.db)), Critical: true, Interval: time.Second},
		{Name: "queue", Func: checkers.QueueDepth(s.waiting, checkers.CountLimits{Degraded: 1000, Unhealthy: 100_000}), Interval: time.Second},
		{Name: "consumer", Func: s.beat.Check, Critical: true, Scope: health.Internal, Interval: time.Second},
		{Name: "disk", Func: checkers.All(checkers.DiskSpace(s.dir, checkers.DiskSpaceOptions{}), checkers.Inodes(s.dir, checkers.ShareLimits{}))},
		{Name: "telemetry", Func: checkers.Delivery(mon.Delivery, 0)},
	} {
		errs = append(errs, checks.Register(c))
	}
	return errors.Join(errs...)
}
