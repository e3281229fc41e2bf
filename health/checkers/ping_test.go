package checkers

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// connector is a driver whose connections can be counted and broken.
type connector struct {
	opened atomic.Int32
	down   atomic.Bool
}

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	c.opened.Add(1)
	return &conn{c: c}, nil
}
func (c *connector) Driver() driver.Driver { return nil }

type conn struct {
	driver.Conn
	c *connector
}

func (c *conn) Close() error { return nil }

func (c *conn) Ping(context.Context) error {
	if c.c.down.Load() {
		return errDown
	}
	return nil
}

func TestSQLCheckerUsesThePool(t *testing.T) {
	c := new(connector)
	db := sql.OpenDB(c)
	defer func() { must(t, db.Close()) }()
	check := SQL(db)
	for range 20 {
		must(t, check(t.Context()))
	}
	if n := c.opened.Load(); n != 1 {
		t.Errorf("20 executions opened %d connections, want 1", n)
	}
	c.down.Store(true)
	if err := check(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("error %v", err)
	}
}

type pinger func(context.Context) error

func (p pinger) Ping(ctx context.Context) error { return p(ctx) }

func TestPingChecker(t *testing.T) {
	must(t, Ping(pinger(pass))(t.Context()))
	if err := Ping(pinger(fail))(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("error %v", err)
	}
}

func TestMissingTargetFails(t *testing.T) {
	for name, check := range map[string]func(context.Context) error{
		"sql": SQL(nil), "ping": Ping(nil), "slow": Slow(time.Second, nil),
	} {
		if err := check(t.Context()); err == nil || !strings.HasPrefix(err.Error(), name+" checker: the ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		if got := expect(t, SQL((*sql.DB)(nil)), health.StateUnhealthy, ""); got.Reason != health.ReasonPanic { // no nil interface
			t.Errorf("reason %s", got.Reason)
		}
	})
}

func TestSlow(t *testing.T) {
	for name, tc := range map[string]struct {
		took    time.Duration
		err     error
		want    health.State
		message string
	}{
		"in time":        {time.Second, nil, health.StateHealthy, ""},
		"late":           {time.Second + time.Millisecond, nil, health.StateDegraded, "answered after 1.001s, more than 1s"},
		"a slow failure": {time.Minute, errDown, health.StateUnhealthy, "down"},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := Slow(time.Second, func(context.Context) error { <-time.After(tc.took); return tc.err })(t.Context())
			if state := execute(t, func(context.Context) error { return err }).State; state != tc.want || err != nil && err.Error() != tc.message {
				t.Errorf("%s: %s (%v)", name, state, err)
			}
		})
	}
}
