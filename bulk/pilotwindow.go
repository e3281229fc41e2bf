package bulk

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// call is the result of one call, as far as the pilot cares.
type call struct {
	took    time.Duration
	items   int           // that were done
	refused bool          // by the backend, some of them or all
	after   time.Duration // to keep away, as the backend says
}

// window is a stretch of time in which nothing was changed and calls are
// counted. It begins some time after the change: after more items are let in,
// the quick ones finish first and fake a gain.
type window struct {
	from           time.Duration // what ends before is not counted
	open           bool
	begun          time.Duration
	calls, refused int
	items          int
	busy, square   float64 // seconds in calls, and the sum of their squares
	starved        time.Duration
}

const (
	minWindow  = 500 * time.Millisecond
	longWindow = 8 * time.Second // no longer for want of calls
	minCalls   = 40
	maxCalls   = 150
	deviation  = 0.033 // that is wanted of the mean latency
	roughly    = 0.066 // the same while much is to be found: few rough steps get further than an exact one
	tolerated  = 0.01  // share of calls that may be refused
	minRefused = 5
	starvation = 0.5 // share of their time that workers may wait for the source
	cpuFull    = 0.9
)

// starved says that a worker had nothing to do for want of items.
func (p *pilot) starved(from, to time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := &p.window; w.open {
		w.starved += p.since(to) - max(p.since(from), w.begun)
	}
}

// done takes the result of a call.
func (p *pilot) done(at time.Time, c call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.since(at)
	if c.refused {
		p.cap.pause(now, c.after)
	} else {
		p.tail.add(c.took.Seconds())
	}
	w := &p.window
	switch {
	case now < w.from:
		return
	case !w.open:
		w.open, w.begun = true, now
		return
	case c.refused:
		w.refused++
	default:
		w.calls++
		w.busy += c.took.Seconds()
		w.square += c.took.Seconds() * c.took.Seconds()
	}
	w.items += c.items
	if p.full(now) {
		p.close(now)
	}
}

// full tells whether the window has seen enough.
func (p *pilot) full(now time.Duration) bool {
	w, took := &p.window, now-p.window.begun
	if w.refused > 20 && float64(w.refused) > 0.2*float64(w.calls) && took > 200*time.Millisecond {
		return true // no need to be refused any more
	}
	if took < minWindow && (p.state != starting || took < minWindow/2) || took.Seconds() < max(w.latency(), p.tail.seconds) {
		return false
	}
	return w.calls >= p.wanted() || took >= longWindow
}

// wanted is how many calls make a window: fewer if they take much the same time.
// Refusals are rare, and need many.
func (p *pilot) wanted() int {
	if p.cap.rate > 0 {
		return maxCalls
	}
	wanted := deviation
	if p.axes[batches].auto() && p.state != holding && p.hold.length == firstHold {
		wanted = roughly
	}
	enough := p.window.variance() / wanted / wanted
	return max(minCalls, 4*p.axes[workers].set, int(min(enough, maxCalls)))
}

// variance is that of the latency, over the square of its mean.
func (w *window) variance() float64 {
	if w.calls == 0 {
		return 1
	}
	return w.square/w.busy/w.busy*float64(w.calls) - 1
}

func (w *window) latency() float64 {
	if w.calls == 0 {
		return 0
	}
	return w.busy / float64(w.calls)
}

// measured is what a window has shown.
type measured struct {
	now     time.Duration
	items   float64 // per second
	calls   float64 // per second
	latency float64 // seconds
	refused float64 // share of the calls
	enough  bool    // of them to be a signal
}

// close ends the window, decides, and opens the next one.
func (p *pilot) close(now time.Duration) {
	w := p.window
	took := (now - w.begun).Seconds()
	m := measured{
		now: now, items: float64(w.items) / took, calls: float64(w.calls) / took, latency: w.latency(),
		refused: float64(w.refused) / float64(w.calls+w.refused), enough: w.refused >= minRefused,
	}
	// That one of many workers waits is no limit, so it is the time of all that counts.
	idle := 1 - w.busy/took/float64(p.axes[workers].set)
	p.known.starving = max(0, min(idle, w.starved.Seconds()/took))
	p.known.cpu = p.cpu(now) >= cpuFull
	p.known.refused += (1 - math.Exp(-took/60)) * (m.refused - p.known.refused)
	p.window = window{open: true, begun: now}
	if m.calls > 0 {
		p.known.cap = p.cap.rate * m.items / m.calls
	}
	switch {
	case !p.axes[workers].auto() && !p.axes[batches].auto():
		// There is nothing to look for.
	case m.refused > tolerated && m.enough:
		p.overloaded(m)
	case p.known.starving > starvation || p.known.cpu:
		p.rest(m)
	case m.items == 0:
		// Everything fails: how many fail at once is not the question.
	case p.wake():
	case p.cap.rate > 0:
		p.paced(m)
	default:
		if b := &p.axes[batches]; b.set == int(math.Round(b.at)) {
			p.axes[workers].curve.add(p.axes[workers].set, m.items, now)
		}
		p.search(m)
	}
}

// rest goes back to what is known to be good, and learns nothing.
func (p *pilot) rest(m measured) {
	p.hold.seen = 0
	if p.idle {
		return
	}
	p.idle = true
	why := fmt.Sprintf("workers wait for the source %s of their time", share(p.known.starving))
	if p.known.cpu {
		why = "the CPU is used up"
	}
	if p.state == probing {
		p.leg = 0
		p.set(p.on, p.axes[p.on].at, m)
	}
	p.decide("%s: no search", why)
}

// wake tells whether a rest is over with this window, which is not used.
func (p *pilot) wake() bool {
	was := p.idle
	p.idle = false
	return was
}

// set puts a setting in force, and opens a window for it.
func (p *pilot) set(axis int, n float64, m measured) {
	a := &p.axes[axis]
	was := a.set
	a.set = int(math.Round(a.clamp(n)))
	wait := math.Max(1.5*m.latency, 1.2*p.tail.seconds)
	if axis == batches && a.set > was {
		wait *= math.Sqrt(float64(a.set) / float64(was))
		p.tail = tail{}
	}
	p.window = window{from: m.now + time.Duration(wait*float64(time.Second))}
}

// decide notes why a setting has changed.
func (p *pilot) decide(format string, args ...any) {
	p.turn++
	p.reason = fmt.Sprintf(format, args...)
}

// tail is the latency that 98 of a hundred recent calls stay below.
type tail struct {
	recent  [256]float64
	n       int
	seconds float64
}

func (t *tail) add(took float64) {
	t.recent[t.n%len(t.recent)] = took
	if t.n++; t.n%64 == 0 {
		s := slices.Clone(t.recent[:min(t.n, len(t.recent))])
		slices.Sort(s)
		t.seconds = s[len(s)*98/100]
	}
}
