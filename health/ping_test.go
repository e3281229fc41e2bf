package health

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
		r := begin(t, Options{}, Check{Name: "c", Func: SQL((*sql.DB)(nil))}) // a nil pointer is no nil interface
		advance(time.Second)
		expect(t, r, "c", StateUnhealthy, ReasonPanic)
	})
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := func(d time.Duration, err error) error {
			return Slow(time.Second, func(context.Context) error { advanceInCheck(d); return err })(t.Context())
		}
		must(t, after(time.Second, nil))
		late := after(time.Second+time.Millisecond, nil)
		if late == nil || severity(late) != StateDegraded || late.Error() != "answered after 1.001s, more than 1s" {
			t.Errorf("error %v", late)
		}
		if err := after(time.Minute, errDown); severity(err) != StateUnhealthy {
			t.Errorf("a slow failure is %v", err)
		}
	})
}
