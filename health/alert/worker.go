package alert

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	sendTimeout   = 10 * time.Second
	maxBatch      = 64               // alerts in a notification
	maxQueue      = 4096             // alerts that a receiver is told of at one time
	firstPause    = time.Second      // after a send that failed; doubled each time
	maxPause      = 2 * time.Minute  // between sends that fail
	refusedPause  = 15 * time.Minute // before what a receiver refused is sent again as it is
	resolvedAgain = 15 * time.Minute // for how long Alertmanager is told of the end, as from Prometheus
)

// A worker tells one receiver, on a goroutine of its own. It holds the newest
// state of each alert and nothing older, so a receiver that was away for an hour
// is told what is so, not what was.
type worker struct {
	name      string
	job       string
	notifier  Notifier
	resend    time.Duration // for one that believes an alert only for a while; 0: reminders instead
	reminder  time.Duration
	telemetry *telemetry
	random    func() float64
	news      chan struct{}
	done      chan struct{}

	mu      sync.Mutex
	items   map[string]*item // by fingerprint
	pending int              // of items, as last told to telemetry
	frozen  bool             // nothing new is known, so nothing old is repeated
	lost    int              // alerts that found no place
	last    error            // of the last send; nil: it succeeded
}

// An item is what a receiver has been told of an alert.
type item struct {
	alert     Alert
	attempted bool      // it may know of the alert
	sent      time.Time // when it accepted alert as it is; zero: not yet
	refused   time.Time // when it refused that for good; zero: not
}

func newWorker(n Notifier, t *telemetry, o Options, name string) *worker {
	return &worker{
		name: name, job: o.Service, notifier: n, reminder: o.Reminder, telemetry: t, random: rand.Float64,
		news: make(chan struct{}, 1), done: make(chan struct{}), items: make(map[string]*item),
	}
}

// post takes over the newest state of alerts: all that fire, and those that have
// just ended.
func (w *worker) post(alerts []Alert) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range alerts {
		key := a.Fingerprint()
		it := w.items[key]
		switch {
		case it == nil && a.Resolved:
		case it == nil && len(w.items) == maxQueue:
			if a.fresh { // it is posted again and again
				w.lost++
				w.telemetry.failed(w.name, classQueueFull)
			}
		case it == nil:
			w.items[key] = &item{alert: a}
		case a.Resolved && !it.attempted:
			delete(w.items, key)
		case a.Resolved != it.alert.Resolved:
			it.alert, it.sent, it.refused = a, time.Time{}, time.Time{}
		default:
			it.alert = a
		}
	}
	w.count()
	w.wake()
}

func (w *worker) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = true
	w.wake()
}

func (w *worker) wake() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// count tells telemetry how many alerts wait. The caller holds w.mu.
func (w *worker) count() {
	pending := 0
	for _, it := range w.items {
		if it.sent.IsZero() {
			pending++
		}
	}
	w.telemetry.queued(w.name, pending-w.pending)
	w.pending = pending
}

// due is when the alert is to be sent, zero for at once.
func (w *worker) due(it *item) (at time.Time, ever bool) {
	switch {
	case !it.refused.IsZero():
		return it.refused.Add(refusedPause), true
	case it.sent.IsZero():
		return time.Time{}, true
	case w.frozen:
		return time.Time{}, false
	case w.resend > 0:
		return it.sent.Add(w.resend), true
	default:
		return it.sent.Add(w.reminder), !it.alert.quiet
	}
}

// batch returns what is to be sent now, and when there will be more; zero: not
// by itself.
func (w *worker) batch(now time.Time) (alerts []Alert, more time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var keys []string
	for key, it := range w.items {
		switch at, ever := w.due(it); {
		case !ever:
		case at.After(now):
			more = earlier(more, at)
		default:
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return before(&w.items[a].alert, &w.items[b].alert) })
	for _, key := range keys[:min(len(keys), maxBatch)] {
		it := w.items[key]
		it.attempted = true
		a := it.alert
		a.Labels, a.Annotations = maps.Clone(a.Labels), maps.Clone(a.Annotations) // the receiver's own
		alerts = append(alerts, a)
	}
	return alerts, more
}

// before puts firing alerts first, the oldest of them at the top.
func before(a, b *Alert) int {
	switch {
	case a.Resolved != b.Resolved && a.Resolved:
		return 1
	case a.Resolved != b.Resolved:
		return -1
	case !a.StartsAt.Equal(b.StartsAt):
		return a.StartsAt.Compare(b.StartsAt)
	}
	return slices.Compare([]string{a.Labels[labelCheck], a.Labels[labelName]}, []string{b.Labels[labelCheck], b.Labels[labelName]})
}

// run sends until told to close, and then once more.
func (w *worker) run(ctx context.Context, closing <-chan struct{}) {
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var failures int
	var pauseEnds time.Time
	for {
		last := isClosed(closing)
		now := time.Now()
		if last || !now.Before(pauseEnds) {
			alerts, more := w.batch(now)
			timer.Stop()
			switch {
			case len(alerts) > 0:
				err := w.send(ctx, alerts)
				failures, pauseEnds = w.after(err, failures)
				if last && err != nil {
					return
				}
				continue
			case last:
				return
			case !more.IsZero():
				timer.Reset(time.Until(more))
			}
		} else {
			timer.Reset(time.Until(pauseEnds))
		}
		select {
		case <-w.news:
		case <-timer.C:
		case <-closing:
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// after returns how many sends have failed in a row and when the next may be
// made. What was refused waits for itself.
func (w *worker) after(err error, failures int) (now int, pauseEnds time.Time) {
	f := failureOf(err)
	if err == nil || f.refused {
		return 0, time.Time{}
	}
	pause := min(firstPause<<min(failures, 10), maxPause)
	pause = pause/2 + time.Duration(w.random()*float64(pause)/2) // or senders would come back together
	return failures + 1, time.Now().Add(max(pause, f.after))
}

// send makes one attempt and keeps its outcome. An alert that has changed
// meanwhile stays due.
func (w *worker) send(ctx context.Context, alerts []Alert) error {
	sent := make([]Alert, len(alerts))
	copy(sent, alerts) // what the receiver does to its own is of no importance here
	keys := make([]string, len(alerts))
	for i := range alerts {
		keys[i] = alerts[i].Fingerprint()
	}
	start := time.Now()
	err := w.call(ctx, Notification{Receiver: w.name, Job: w.job, Alerts: alerts})
	w.tell(err)

	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = err
	for i, key := range keys {
		it := w.items[key]
		if it.alert.Resolved == sent[i].Resolved {
			w.settle(key, it, start, err)
		}
	}
	w.count()
	return err
}

// settle notes that a receiver was told of an alert, or not. The caller holds
// w.mu.
func (w *worker) settle(key string, it *item, start time.Time, err error) {
	switch {
	case err == nil:
		it.sent, it.refused = start, time.Time{}
	case failureOf(err).refused:
		it.refused = start
	}
	if !it.alert.Resolved {
		return
	}
	refreshed := w.resend > 0 && start.Before(it.alert.EndsAt.Add(resolvedAgain))
	if err == nil && !refreshed || failureOf(err).refused {
		delete(w.items, key)
	}
}

// tell says once what a receiver begins to fail with.
func (w *worker) tell(err error) {
	if err == nil {
		w.telemetry.delivered(w.name)
		return
	}
	f := failureOf(err)
	w.telemetry.failed(w.name, f.class)
	w.mu.Lock()
	news := w.last == nil || failureOf(w.last).class != f.class
	w.mu.Unlock()
	if !news {
		return
	}
	then := "trying again"
	if f.refused {
		then = fmt.Sprintf("not sent again for %v unless it changes", refusedPause)
	}
	report(fmt.Errorf("alert: %s: %w; %s", w.name, err, then))
}

// call contains what a receiver does: a panic, runtime.Goexit, and not coming
// back, which holds up nobody else. That goes for the methods of its error, too,
// so what call returns is always a *failure.
func (w *worker) call(ctx context.Context, n Notification) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	returned := make(chan error, 1)
	go func() {
		err := error(&failure{text: "runtime.Goexit was called", class: classPanic})
		defer func() { returned <- err }()
		defer func() {
			if recover() != nil {
				err = &failure{text: "panic with what panics when it is printed", class: classPanic}
			}
		}()
		defer func() {
			if v := recover(); v != nil {
				err = &failure{text: fmt.Sprintf("panic: %v", v), class: classPanic}
			}
		}()
		if said := w.notifier.Notify(ctx, n); said != nil {
			err = failureOf(said)
			return
		}
		err = nil
	}()
	hung := time.NewTimer(sendTimeout + time.Second)
	defer hung.Stop()
	select {
	case err := <-returned:
		return err
	case <-hung.C:
		w.tell(&failure{text: "has not returned, its context ended a second ago", class: classHung})
		return <-returned
	}
}

// leftovers says what the receiver was not told, or that it is still at work
// although there is a reason not to wait for it.
func (w *worker) leftovers(cause error) error {
	if cause != nil && !isClosed(w.done) {
		return fmt.Errorf("alert: shutdown: %s is still running: %w", w.name, cause)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost > 0 {
		return fmt.Errorf("alert: shutdown: %s: %d alerts found no place in the queue", w.name, w.lost)
	}
	switch {
	case w.pending == 0:
		return nil
	case w.last == nil:
		return fmt.Errorf("alert: shutdown: %s: %d alerts were refused", w.name, w.pending)
	default:
		return fmt.Errorf("alert: shutdown: %s: %d alerts not delivered: %w", w.name, w.pending, w.last)
	}
}
