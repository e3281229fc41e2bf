package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/health"
)

// What a zero field of [Options] means.
const (
	DefaultHold     = 30 * time.Second
	DefaultReminder = 4 * time.Hour
)

// resend is how often Alertmanager hears of an alert that goes on, as from
// Prometheus.
const resend = time.Minute

// Options say who is told what. The zero value tells the log.
type Options struct {
	// Receivers are told independently of each other. None means Slog(nil).
	Receivers []Receiver

	// Service is the label job of every alert, which is what Prometheus makes of
	// the attributes service.namespace and service.name: "name", or
	// "namespace/name". Empty means OTEL_SERVICE_NAME or, without that,
	// unknown_service: and the executable's name.
	Service string

	// Labels stand on every alert beside its own, for routing. Names are made of
	// letters, digits and '_'. Use nothing that differs between the instances of
	// a service: each would cause an alert of its own. Nil means none.
	Labels map[string]string

	// Hold is how long something must be wrong before the first notice, so that
	// a short failure causes none, and of a long one the root is known. The end
	// is told at once. Zero means 30 s, the least is 1 ms.
	Hold time.Duration

	// Reminder lies between two notices of an alert that goes on, to receivers
	// other than Alertmanager, which reminds by itself. Zero means 4 h, the least
	// is 1 min.
	Reminder time.Duration

	// MeterProvider gets what there is to say of the delivery. Nil means the
	// global one, also if that is set after Start.
	MeterProvider metric.MeterProvider
}

func (o Options) withDefaults() Options {
	if len(o.Receivers) == 0 {
		o.Receivers = []Receiver{Slog(nil)}
	}
	o.Service = cmp.Or(o.Service, os.Getenv("OTEL_SERVICE_NAME"), "unknown_service:"+filepath.Base(os.Args[0]))
	o.Hold = cmp.Or(o.Hold, DefaultHold)
	o.Reminder = cmp.Or(o.Reminder, DefaultReminder)
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	return o
}

var validLabel = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// validate reports every fault of options that have their defaults.
func (o Options) validate() error {
	var errs []error
	for _, r := range o.Receivers {
		errs = append(errs, r.faults...)
		if len(r.notifiers) == 0 && len(r.faults) == 0 {
			errs = append(errs, errors.New("alert: Options.Receivers holds a zero Receiver"))
		}
	}
	if err := validJob(o.Service); err != nil {
		errs = append(errs, fmt.Errorf("alert: Options.Service: %w", err))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		switch {
		case !validLabel.MatchString(name):
			errs = append(errs, fmt.Errorf("alert: Options.Labels: name %q has more than letters, digits and _", name))
		case slices.Contains([]string{labelName, labelJob, labelCheck, labelSeverity}, name):
			errs = append(errs, fmt.Errorf("alert: Options.Labels: %s is the alert's own", name))
		case o.Labels[name] == "" || !utf8.ValidString(o.Labels[name]):
			errs = append(errs, fmt.Errorf("alert: Options.Labels: the value of %s is empty or not UTF-8", name))
		}
	}
	if o.Hold < time.Millisecond {
		errs = append(errs, fmt.Errorf("alert: Options.Hold %v is below 1ms", o.Hold))
	}
	if o.Reminder < time.Minute {
		errs = append(errs, fmt.Errorf("alert: Options.Reminder %v is below 1m", o.Reminder))
	}
	return errors.Join(errs...)
}

func validJob(job string) error {
	if job == "" || !utf8.ValidString(job) || strings.ContainsFunc(job, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("the name of a service has to be printable: %q", job)
	}
	return nil
}

// A Sender watches a registry and tells receivers what is wrong. Create it with
// [Start]; its methods may be called from any goroutine.
type Sender struct {
	decider decider
	workers []*worker

	closing   chan struct{} // closed by close: a last attempt, then the end
	closeOnce func()
	abort     context.CancelFunc // breaks sends off
	done      chan struct{}      // closed when no goroutine is left
}

// Start begins to watch the registry, started or not, and returns at once. What
// is wrong already is told after Hold, as if it had just begun. When ctx ends,
// so does the sender, as with Shutdown; the values of ctx reach the receivers.
//
// It returns every fault of the options at once, and then nothing runs.
func Start(ctx context.Context, registry *health.Registry, o Options) (*Sender, error) {
	o = o.withDefaults()
	fault := o.validate()
	if registry == nil {
		fault = errors.Join(errors.New("alert: the registry is nil"), fault)
	}
	if fault != nil {
		return nil, fault
	}
	s := &Sender{
		decider: decider{
			job: o.Service, labels: maps.Clone(o.Labels), hold: o.Hold, resend: resend, tracks: make(map[string]*track),
		},
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	s.closeOnce = sync.OnceFunc(func() { close(s.closing) })
	t := newTelemetry(o.MeterProvider)
	for _, r := range o.Receivers {
		for _, n := range r.notifiers {
			w := newWorker(n, t, o, s.named(r.name))
			if r.refreshed {
				w.resend = resend
			}
			s.workers = append(s.workers, w)
		}
	}
	s.run(ctx, registry)
	return s, nil
}

// named returns the name for one more worker of that kind.
func (s *Sender) named(name string) string {
	count, unique := 1, name
	for slices.ContainsFunc(s.workers, func(w *worker) bool { return w.name == unique }) {
		count++
		unique = fmt.Sprintf("%s-%d", name, count)
	}
	return unique
}

func (s *Sender) run(ctx context.Context, registry *health.Registry) {
	sending, abort := context.WithCancel(context.WithoutCancel(ctx))
	watching, stop := context.WithCancel(ctx)
	s.abort = abort
	reports := make(chan health.Report)
	var running sync.WaitGroup
	running.Go(func() {
		defer close(reports)
		for report := range registry.Watch(watching) {
			select {
			case reports <- report:
			case <-watching.Done():
			}
		}
	})
	running.Go(func() {
		defer s.closeWhenStopped(ctx)
		s.watch(watching, registry, reports)
	})
	running.Go(func() {
		<-s.closing
		stop()
	})
	for _, w := range s.workers {
		running.Go(func() { w.run(sending, s.closing) })
	}
	go func() {
		running.Wait()
		stop()
		abort()
		close(s.done)
	}()
}

// closeWhenStopped closes the sender if the caller's ctx has ended, and else
// lets it live: after the registry's shutdown there are still things to send.
func (s *Sender) closeWhenStopped(ctx context.Context) {
	select {
	case <-ctx.Done():
		s.closeOnce()
	case <-s.closing:
	}
}

// watch decides until ctx or the reports end, of which the latter means that
// nothing more will be known.
func (s *Sender) watch(ctx context.Context, registry *health.Registry, reports <-chan health.Report) {
	timer := time.NewTimer(0)
	timer.Stop()
	defer timer.Stop()
	for {
		var report health.Report
		var more bool
		select {
		case <-ctx.Done():
			return
		case report, more = <-reports:
			if !more {
				for _, w := range s.workers {
					w.freeze()
				}
				return
			}
		case <-timer.C:
			report = registry.Report()
		}
		alerts, again := s.decider.decide(report, registry.Checks())
		for _, w := range s.workers {
			w.post(alerts)
		}
		timer.Stop()
		if !again.IsZero() {
			timer.Reset(time.Until(again))
		}
	}
}

// Shutdown stops watching, lets every receiver try once more to send what is
// left, and waits for all goroutines. It resolves nothing: what this process no
// longer watches may go on being wrong, and Alertmanager ends what it does not
// hear of again. Call it after the registry's Shutdown or before.
//
// The error names the receivers that were not told everything and why. When ctx
// ends first, sends are broken off, and it names those that still run: a
// [Notifier] that ignores its context keeps its goroutine until it returns.
// Shutdown may be called again to wait further.
func (s *Sender) Shutdown(ctx context.Context) error {
	s.closeOnce()
	select {
	case <-s.done:
		return s.leftovers(nil)
	default:
	}
	select {
	case <-s.done:
		return s.leftovers(nil)
	case <-ctx.Done():
		s.abort()
		return s.leftovers(context.Cause(ctx))
	}
}

func (s *Sender) leftovers(cause error) error {
	var errs []error
	for _, w := range s.workers {
		if err := w.leftovers(cause); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
