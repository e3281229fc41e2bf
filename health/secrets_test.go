package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// everything returns all that a registry tells anybody about its checks: every
// answer with details, spans, events, metrics and reports.
func everything(t *testing.T, r *Registry, told *telemetryOf) string {
	t.Helper()
	var b strings.Builder
	for _, accept := range []string{"", typeJSON, typeHealthJSON} {
		for _, target := range []string{"/livez?verbose", "/readyz", "/readyz?verbose", "/startupz?verbose&exclude=c"} {
			b.WriteString(get(t, r.Handler(ShowDetails(everyone)), target, accept).Body.String())
		}
	}
	for _, s := range told.spans.Ended() {
		fmt.Fprintln(&b, s.Name(), s.Attributes(), s.Status(), s.Events())
	}
	for _, e := range told.events.all() {
		fmt.Fprintln(&b, e.Body(), attributesOf(e))
	}
	fmt.Fprintf(&b, "%+v\n", told.collect(t))
	for _, result := range r.Report().Results {
		fmt.Fprintf(&b, "%q %q %v %q\n", result.Message, result.Maintenance, result.Details.ToSlice(), result.Stack)
	}
	return b.String()
}

// FuzzSecrets plants a password in everything that a check, or the program, can
// say: none of it may come out, not even where details are allowed.
func FuzzSecrets(f *testing.F) {
	f.Add("dial ", "s3cretS3CRET", " refused", byte(0))
	f.Add("\"", "hunter2-hunter2", "'", byte(1))
	f.Add("a@b:c/d ", "pa%20ss=w0rd", "\n", byte(2))
	f.Fuzz(func(t *testing.T, before, word, after string, way byte) {
		if len(word) < 8 || !utf8.ValidString(word) || strings.ContainsFunc(word, func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("/\"'`", r)
		}) {
			return // no word of a connection string
		}
		text := before + " postgres://app:" + word + "@db/shop " + after
		o, told := recording(t)
		r := New(o)
		must(t, r.Register(Check{Name: "c", Critical: true, Interval: time.Hour, Fall: 2, Func: func(ctx context.Context) error {
			Detail(ctx, attribute.String("db.password", word), attribute.String("note", text))
			switch way % 3 {
			case 0:
				return errors.New(text)
			case 1:
				panic(text)
			default:
				return Degraded(fmt.Errorf("wrapped: %w", errors.New(text)))
			}
		}}))
		r.Maintain(time.Now().Add(time.Hour), text)
		for range observedFailures {
			r.Observe("c", errors.New(text))
		}
		must(t, r.Start(t.Context()))
		defer func() { must(t, r.Shutdown(context.Background())) }()
		if _, err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := everything(t, r, told); strings.Contains(all, word) && !strings.Contains(before+after, word) {
			at := strings.Index(all, word)
			t.Errorf("%q is told: …%q", word, all[max(0, at-60):min(len(all), at+len(word)+20)])
		}
	})
}
