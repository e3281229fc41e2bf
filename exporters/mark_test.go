package exporters

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/otelmon/otelmon-go/internal/loopback"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// A process that dies while it marks a delivery leaves a group that was counted
// and may come again. What it had in memory besides is told exactly either way.
func TestDeathAroundTheMark(t *testing.T) {
	for _, c := range []struct {
		name                          string
		settled                       outcome
		marked                        bool
		delivered, rejected, received int64
	}{
		{"before", outcome{delivered: 5, rejected: 2}, false, 7, 0, 7},
		{"in a part", outcome{delivered: 3}, false, 7, 0, 7},
		{"after", outcome{delivered: 5, rejected: 2}, true, 5, 2, 0},
	} {
		for _, l := range Traces.lanes() {
			t.Run(fmt.Sprint(c.name, " ", l), func(t *testing.T) {
				r, dir := receiver(t, oteltest.Options{}), filepath.Join(t.TempDir(), "spool")
				b := boxIn(t, dir, Endpoint{URL: "http://" + loopback.Addr(t)})
				b.newest[Traces].Store(uint32(l))
				b.ledger.created(Traces).Add(7)
				b.keep(Traces, 7, requestOf(t, Traces, 7))
				if err := b.flush(t.Context(), Traces); err == nil { // the group is being sent
					t.Fatal("nobody is there")
				}
				a := b.to[0].account
				a.settle(l, 1, c.settled)
				if c.marked {
					if err := b.disk.Load().ack(0, l, 1); err != nil {
						t.Fatal(err)
					}
				}
				b.ledger.created(Traces).Add(4) // in a queue
				if b.ledger.save != nil {
					t.Skip("the ledger is saved at the end only")
				}
				left := filepath.Join(t.TempDir(), "left")
				if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}

				b = boxIn(t, left, Endpoint{URL: r.HTTPURL()})
				if got := b.Status().Accounts[0]; got.Dropped["crashed"] != 4 {
					t.Errorf("%s", got)
				}
				_ = b.Close(t.Context())
				got := b.Status().Accounts[0]
				if got.Created != 11 || got.Delivered != c.delivered || got.Dropped["rejected"] != c.rejected || got.Dropped["crashed"] != 4 || got.Pending != 0 {
					t.Errorf("%s", got)
				}
				if n := int64(len(arrived(r))); n != c.received {
					t.Errorf("%d arrived, want %d", n, c.received)
				}
			})
		}
	}
}

// The mark of a group ends with it, or what the next one leaves would be taken
// for more.
func TestMarkEnds(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	b := boxIn(t, filepath.Join(t.TempDir(), "spool"), Endpoint{URL: r.HTTPURL()})
	b.ledger.created(Traces).Add(7)
	b.keep(Traces, 7, requestOf(t, Traces, 7))
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range slotsUnmarked {
		if n := b.to[0].account.unmarked(lane(Traces), i).Load(); n != 0 {
			t.Errorf("number %d of the mark is %d", i, n)
		}
	}
}

func boxIn(t *testing.T, dir string, e Endpoint) *Outbox {
	t.Helper()
	b, err := Open(t.Context(), Options{Dir: dir, Destinations: []Destination{{Traces: &e}}, Report: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(t.Context()) })
	return b
}
