package exporters

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// link is a carrier to a backend that can be away. It belongs in a bubble, whose
// time an open connection would hold up.
type link struct {
	t      *testing.T
	signal Signal
	takes  time.Duration

	mu      sync.Mutex
	away    answer // what it answers; the zero kind of an error is an outage
	asked   []time.Time
	order   []string // names, as they arrived
	batches map[string]bool
}

func (l *link) carry(ctx context.Context, body []byte, batch, _ string) answer {
	rest(ctx, l.takes)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, time.Now())
	if l.away.err != nil {
		return l.away
	}
	if !l.batches[batch] { // as the sender may not have heard that it arrived
		l.order = append(l.order, trimmed(namesIn(decoded(l.t, l.signal, body)))...)
	}
	l.batches[batch] = true
	return answer{kind: kindDelivered}
}

func trimmed(names []string) []string {
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

func (*link) close() {}

func (l *link) set(away answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

func (l *link) arrived() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.order)
}

var outage = answer{err: errors.New("away")}

func newLink(t *testing.T, s Signal) *link {
	t.Helper()
	return &link{t: t, signal: s, takes: 10 * time.Millisecond, batches: map[string]bool{}}
}

// boxTo returns an outbox that delivers one signal over links, one for each
// destination.
func boxTo(t *testing.T, dir string, s Signal, links ...*link) *Outbox {
	t.Helper()
	o := Options{Dir: dir, Report: func(error) {}}
	for i := range links {
		d, e := Destination{Name: fmt.Sprint(i)}, &Endpoint{URL: "http://" + loopback.Addr(t)}
		*[...]**Endpoint{&d.Traces, &d.Metrics, &d.Logs}[s] = e
		o.Destinations = append(o.Destinations, d)
	}
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(t.Context()) })
	for i, l := range links {
		to := b.to[i].outlets[s].sender
		to.mu.Lock()
		to.retire()
		to.current = &way{carrier: l}
		to.mu.Unlock()
	}
	return b
}

// one keeps a request of one item, which is too large to be sent with others.
func (b *Outbox) one(t *testing.T, s Signal, i int) {
	t.Helper()
	b.ledger.created(s).Add(1)
	name := fmt.Sprint(i, strings.Repeat(" ", mergeBytes/2))
	q := decoded(t, s, requestOf(t, s, 1))
	var m proto.Message
	switch s {
	case Traces:
		q.Traces.ResourceSpans[0].ScopeSpans[0].Spans[0].Name, m = name, q.Traces
	case Logs:
		q.Logs.ResourceLogs[0].ScopeLogs[0].LogRecords[0].Body, m = text(name), q.Logs
	case Metrics:
		q.Metrics.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].GetSum().DataPoints[0].Attributes[0], m = attr("i", name), q.Metrics
	}
	b.keep(s, 1, encode(t, m))
}

// balanced checks that what an account leaves open is what really waits.
func balanced(t *testing.T, b *Outbox, s Signal) {
	t.Helper()
	synctest.Wait()
	for _, d := range b.to {
		if open, waits := d.account.open(s), waiting(d.index, s, b.stores()...).items; open != waits {
			t.Errorf("%s: %d open, %d wait; %s", d.name, open, waits, b.accountOf(d, s))
		}
	}
}

// What is made while an outage is replayed arrives before the end of the replay,
// for signals that may arrive in another order.
func TestNewestDoNotWaitForTheReplay(t *testing.T) {
	for _, c := range []struct {
		signal Signal
		outage time.Duration
		first  bool
	}{
		{Traces, 20 * time.Hour, true},
		{Traces, time.Second, false},
		{Logs, 20 * time.Minute, true},
		{Logs, 40 * time.Minute, false}, // Loki would refuse the rest
		{Metrics, 20 * time.Minute, false},
	} {
		for _, dir := range []string{"", "spool"} {
			t.Run(fmt.Sprint(c.signal, " ", c.outage, " ", dir), func(t *testing.T) {
				if dir != "" {
					dir = filepath.Join(t.TempDir(), dir)
				}
				synctest.Test(t, func(t *testing.T) {
					l := newLink(t, c.signal)
					b := boxTo(t, dir, c.signal, l)
					l.set(outage)
					for i := range 24 {
						b.one(t, c.signal, i)
					}
					rest(t.Context(), c.outage)
					l.set(answer{})
					for len(l.arrived()) < 3 {
						rest(t.Context(), time.Millisecond)
					}
					b.one(t, c.signal, 24)
					balanced(t, b, c.signal)
					if err := b.Close(t.Context()); err != nil {
						t.Error(err)
					}
					got := l.arrived()
					if at := slices.Index(got, "24"); (at < 6) != c.first || at < 0 || len(got) != 25 {
						t.Errorf("number %d of %v", at, got)
					}
				})
			})
		}
	}
}

// A flush waits for the replay, however much is delivered before it.
func TestFlushWaitsForTheReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, Traces)
		b := boxTo(t, "", Traces, l)
		l.set(outage)
		for i := range 30 {
			b.one(t, Traces, i)
		}
		rest(t.Context(), time.Minute)
		l.set(answer{})
		for len(l.arrived()) < 3 {
			rest(t.Context(), time.Millisecond)
		}
		var live sync.WaitGroup
		live.Go(func() {
			for i := range 40 {
				b.one(t, Traces, 30+i)
				rest(t.Context(), 15*time.Millisecond)
			}
		})
		if err := b.flush(t.Context(), Traces); err != nil {
			t.Error(err)
		}
		if got := l.arrived(); !slices.Contains(got, "29") {
			t.Errorf("29 is not in %v", got)
		}
		live.Wait()
	})
}

// However long a backend is away, it is asked again within the longest pause.
func TestPausesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, Traces)
		b := boxTo(t, "", Traces, l)
		l.set(outage)
		b.one(t, Traces, 0)
		rest(t.Context(), 3*time.Hour)
		l.set(answer{})
		_ = b.Close(t.Context())
		least, most := time.Hour, time.Duration(0)
		for i := 20; i < len(l.asked)-1; i++ {
			pause := l.asked[i].Sub(l.asked[i-1])
			least, most = min(least, pause), max(most, pause)
		}
		if least < longest/2 || most > longest+time.Second || most-least < longest/4 {
			t.Errorf("pauses of %s to %s", least, most)
		}
	})
}

// A second outage in the middle of a replay leaves two lanes to replay, and the
// one that is over first is that of the newest.
func TestSecondOutageInTheReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, Traces)
		b := boxTo(t, filepath.Join(t.TempDir(), "spool"), Traces, l)
		made := 0
		outageOf := func(items int) {
			l.set(outage)
			for range items {
				b.one(t, Traces, made)
				made++
			}
			rest(t.Context(), time.Hour)
			l.set(answer{})
			for before := len(l.arrived()); len(l.arrived()) < before+3; {
				rest(t.Context(), time.Millisecond)
			}
			balanced(t, b, Traces)
		}
		outageOf(40)
		outageOf(5)
		rest(t.Context(), 200*time.Millisecond) // the second is over
		b.one(t, Traces, made)
		rest(t.Context(), 50*time.Millisecond)
		if got := l.arrived(); !slices.Contains(got, fmt.Sprint(made)) || len(got) > made-10 {
			t.Errorf("%d is not in %v", made, got)
		}
		rest(t.Context(), time.Second)
		outageOf(5) // finds the first lane empty
		b.one(t, Traces, made+1)
		balanced(t, b, Traces)
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(l.arrived()); n != 52 {
			t.Errorf("%d arrived", n)
		}
	})
}

// A destination that is away keeps none of the others from its newest.
func TestLanesOfSeveralDestinations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, near := newLink(t, Traces), newLink(t, Traces)
		gone.set(outage)
		b := boxTo(t, "", Traces, gone, near)
		for round := range 3 {
			near.set(outage)
			for i := range 8 {
				b.one(t, Traces, 10*round+i)
			}
			rest(t.Context(), time.Minute)
			near.set(answer{})
			for len(near.arrived()) < 9*round+2 {
				rest(t.Context(), time.Millisecond)
			}
			b.one(t, Traces, 10*round+8)
			rest(t.Context(), time.Second)
			if at := slices.Index(near.arrived(), fmt.Sprint(10*round+8)); at < 0 || at == 9*round+8 {
				t.Errorf("round %d: number %d of %v", round, at, near.arrived())
			}
			balanced(t, b, Traces)
		}
		gone.set(answer{})
		_ = b.Flush(t.Context())
		rest(t.Context(), time.Minute)
		if n := len(gone.arrived()); n != 27 {
			t.Errorf("%d arrived at last", n)
		}
	})
}

// One that comes back while another replays does not have the newest wait behind
// that.
func TestReplaysOfTwoDestinations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := newLink(t, Traces), newLink(t, Traces)
		slow.takes = 10 * time.Second
		b := boxTo(t, "", Traces, slow, quick)
		for i, l := range []*link{slow, quick} {
			l.set(outage)
			for range 20 {
				b.one(t, Traces, i)
			}
			rest(t.Context(), time.Minute)
			l.set(answer{})
			rest(t.Context(), 40*time.Second)
			if newest := lane(b.newest[Traces].Load()); newest != lane(Traces).other() {
				t.Errorf("the newest wait in %s", newest)
			}
		}
		if left := b.ring.backlog(0, lane(Traces)).parcels; left == 0 {
			t.Error("the first replay has ended")
		}
		rest(t.Context(), 10*time.Minute)
		balanced(t, b, Traces)
		if n, m := len(slow.arrived()), len(quick.arrived()); n != 40 || m != 40 {
			t.Errorf("%d and %d arrived", n, m)
		}
	})
}

// Outages, restarts and deaths in any order lose nothing, and the books are right
// at each step.
func TestLanesModel(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				l, dir, made := newLink(t, Traces), filepath.Join(t.TempDir(), "spool"), 0
				b := boxTo(t, dir, Traces, l)
				for range 40 {
					switch r.IntN(8) {
					case 0:
						l.set(outage)
					case 1:
						l.set(answer{err: outage.err, after: 20 * time.Second})
					case 2:
						l.set(answer{})
					case 3:
						if err := b.Close(t.Context()); err != nil {
							t.Error(err)
						}
						b = boxTo(t, dir, Traces, l)
					case 4: // a process dies
						if b.ledger.save != nil {
							continue // only the end of a process saves the ledger
						}
						synctest.Wait()
						next := filepath.Join(t.TempDir(), "next")
						if err := os.CopyFS(next, os.DirFS(dir)); err != nil {
							t.Fatal(err)
						}
						b.cancel()
						b.tasks.Wait()
						dir = next
						b = boxTo(t, dir, Traces, l)
					default:
						for range r.IntN(6) {
							b.one(t, Traces, made)
							made++
						}
					}
					rest(t.Context(), time.Duration(r.IntN(int(20*time.Second))))
					balanced(t, b, Traces)
				}
				l.set(answer{})
				rest(t.Context(), 5*time.Minute)
				balanced(t, b, Traces)
				got := l.arrived()
				slices.Sort(got)
				if a := b.Status().Accounts[0]; len(slices.Compact(got)) != made || a.Delivered != int64(made) || a.Created != a.Delivered {
					t.Errorf("%d made, %d arrived; %s", made, len(got), a)
				}
			})
		})
	}
}

// What is pushed out of either lane is a loss of its signal.
func TestEvictionFromBothLanes(t *testing.T) {
	var lost [signals]int64
	lose := func(_ int, s Signal, r Reason, items int64) {
		if r == Evicted {
			lost[s] += items
		}
	}
	d, err := openDisk(Options{Dir: filepath.Join(t.TempDir(), "spool"), MaxBytes: 64 << 10, MinFree: -1, Destinations: []Destination{{Name: "a"}}}, lose)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.log.Close() }()
	for _, in := range []store{newRing(64<<10, 1, lose), d} {
		lost = [signals]int64{}
		for i := range 100 {
			for _, l := range []lane{lane(Logs), lane(Logs).other()} {
				if err := in.put(l, parcel{items: 3, made: time.Now(), body: make([]byte, 1<<10+i)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		left := waiting(0, Logs, in).items
		if lost[Logs]+left != 600 || left == 0 || in.backlog(0, lane(Logs)).items == 0 || in.backlog(0, lane(Logs).other()).items == 0 {
			t.Errorf("%v lost, %d left", lost, left)
		}
	}
}
