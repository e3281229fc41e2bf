package alert

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/health"
)

// handled are the errors that reached OpenTelemetry's error handler.
var handled errorList

func TestMain(m *testing.M) {
	otel.SetErrorHandler(&handled)
	goleak.VerifyTestMain(m)
}

type errorList struct {
	mu   sync.Mutex
	list []string
}

func (l *errorList) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, err.Error())
}

// about returns those that hold the text.
func (l *errorList) about(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.list), func(said string) bool { return !strings.Contains(said, text) })
}

var errDown = errors.New("down")

// A dial is what a check reads.
type dial struct {
	mu  sync.Mutex
	err error
}

func (d *dial) check(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *dial) set(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// advance lets the bubble's clock run and everything settle.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// watched starts a registry, which stops with the test.
func watched(t *testing.T, checks ...health.Check) *health.Registry {
	t.Helper()
	r := health.New(health.Options{})
	for _, c := range checks {
		if c.Interval == 0 {
			c.Interval = time.Second
		}
		must(t, r.Register(c))
	}
	must(t, r.Start(t.Context()))
	t.Cleanup(func() { must(t, r.Shutdown(context.Background())) })
	return r
}

// begin starts a sender for the service "shop", which stops with the test.
func begin(t *testing.T, r *health.Registry, o Options) *Sender {
	t.Helper()
	o.Service = "shop"
	s, err := Start(t.Context(), r, o)
	must(t, err)
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return s
}

// A post box keeps notifications and answers as the test wants.
type postbox struct {
	mu     sync.Mutex
	got    []Notification
	at     []time.Time
	answer func(ctx context.Context, n Notification) error // nil: accept
}

func (p *postbox) Notify(ctx context.Context, n Notification) error {
	p.mu.Lock()
	p.got = append(p.got, n)
	p.at = append(p.at, time.Now())
	answer := p.answer
	p.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(ctx, n)
}

func (p *postbox) reply(answer func(ctx context.Context, n Notification) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// take returns what came since the last time, each alert as "firing postgres
// HealthCheckUnhealthy critical", notifications separated by "|".
func (p *postbox) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, n := range p.got {
		var words []string
		for _, a := range n.Alerts {
			words = append(words, strings.Join([]string{a.Status(), a.Labels[labelCheck], a.Labels[labelName], a.Labels[labelSeverity]}, " "))
		}
		all = append(all, strings.Join(words, ", "))
	}
	p.got, p.at = nil, nil
	return strings.Join(all, " | ")
}

func (p *postbox) times() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.at)
}

// last returns the only alert of the newest notification.
func (p *postbox) last(t *testing.T) Alert {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.got) == 0 || len(p.got[len(p.got)-1].Alerts) != 1 {
		t.Fatalf("want one alert in the last notification: %+v", p.got)
	}
	return p.got[len(p.got)-1].Alerts[0]
}

func (p *postbox) expect(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	if got := p.take(); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// A wire answers requests without a network.
type wire struct {
	mu       sync.Mutex
	requests []request
	answer   func(req *http.Request) (*http.Response, error) // nil: 200
}

type request struct {
	at   time.Time
	url  string
	body string
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	body := readAll(req)
	w.mu.Lock()
	w.requests = append(w.requests, request{time.Now(), req.URL.String(), body})
	answer := w.answer
	w.mu.Unlock()
	if answer == nil {
		return reply(http.StatusOK, "ok"), nil
	}
	return answer(req)
}

func (w *wire) all() []request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// over makes a receiver use the wire.
func (w *wire) over(r Receiver) Receiver {
	for _, n := range r.notifiers {
		endpointOf(n).client.Transport = w
	}
	return r
}

func endpointOf(n Notifier) *endpoint {
	switch n := n.(type) {
	case alertmanager:
		return n.endpoint
	case webhook:
		return n.endpoint
	case slack:
		return n.endpoint
	}
	return nil
}

// alertOf is one as the decider makes it.
func alertOf(check string, k kind, more map[string]string) Alert {
	d := decider{job: "shop"}
	a := Alert{
		Labels:      d.label(check, signal{k, k.severity(true)}),
		Annotations: map[string]string{"summary": "critical check " + check + " of shop is " + k.words()},
		StartsAt:    time.Date(2026, 10, 25, 12, 0, 0, 0, time.UTC),
		lease:       4 * time.Minute,
	}
	maps.Copy(a.Annotations, more)
	return a
}

func readAll(req *http.Request) string {
	body, _ := io.ReadAll(req.Body)
	return string(body)
}

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}
