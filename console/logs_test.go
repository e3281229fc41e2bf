package console

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestLogsSelect(t *testing.T) {
	r := newRig(t, Options{})
	ctx, s := r.span(t.Context(), "GET /")
	defer s.End()
	r.log(t.Context(), log.SeverityDebug, "", "one")
	r.log(ctx, log.SeverityInfo2, "", "two", attribute.String("user", "Ada"))
	r.log(t.Context(), log.SeverityWarn, "", "three")
	r.log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, "four", attribute.String(keys.HealthCheckName, "db"))
	r.log(t.Context(), 0, "", "five")
	for _, tc := range []struct {
		q    logQuery
		want string
	}{
		{logQuery{}, "five four three two one"},
		{logQuery{Level: "warn"}, "four three"},
		{logQuery{Level: "INFO"}, "four three two"},
		{logQuery{Text: "ADA"}, "two"},
		{logQuery{Text: "state_changed"}, "four"},
		{logQuery{Trace: traceID(s)}, "two"},
		{logQuery{Trace: trace.TraceID{9}}, ""},
		{logQuery{Limit: 2}, "five four"},
	} {
		list := r.logRecords(tc.q)
		var got []string
		for _, l := range list.Logs {
			got = append(got, l.Body)
		}
		if strings.Join(got, " ") != tc.want || list.Truncated != (tc.q.Limit == 2) || list.Logs == nil {
			t.Errorf("%+v: %q, truncated %v; want %q", tc.q, got, list.Truncated, tc.want)
		}
	}
}

// scribbler changes records after the console has seen them, as the SDK does
// when it reuses them.
type scribbler struct{ sdklog.Processor }

func (s scribbler) OnEmit(ctx context.Context, r *sdklog.Record) error {
	err := s.Processor.OnEmit(ctx, r)
	r.SetBody(attribute.StringValue("scribble"))
	r.SetAttributes(attribute.String("k", "scribble"))
	return err
}

func TestRecordsAreCopied(t *testing.T) {
	c := New(Options{})
	lp := sdklog.NewLoggerProvider(sdklog.WithProcessor(scribbler{c.LogProcessor()}))
	r := &rig{Console: c, lp: lp}
	r.log(t.Context(), log.SeverityInfo, "", "mine", attribute.String("k", "v"))
	got := c.logRecords(logQuery{}).Logs
	if len(got) != 1 || got[0].Body != "mine" || got[0].Attributes.get("k") != "v" {
		t.Errorf("%+v", got)
	}
}

func TestLogAnswerIsBoundedInBytes(t *testing.T) {
	r := newRig(t, Options{})
	long := make([]attribute.KeyValue, 60)
	for i := range long {
		long[i] = attribute.String(strings.Repeat("k", i+1), strings.Repeat("x", 2000))
	}
	for range 400 {
		r.log(t.Context(), log.SeverityInfo, "", "big", long...)
	}
	list := r.logRecords(logQuery{Limit: maxLogs})
	size := 0
	for i := range list.Logs {
		size += list.Logs[i].size()
	}
	if size > maxLogBytes || !list.Truncated || len(list.Logs) == 0 {
		t.Errorf("%d records, %d bytes, truncated %v", len(list.Logs), size, list.Truncated)
	}
}

func BenchmarkLog(b *testing.B) {
	for name, p := range map[string]sdklog.Processor{
		"noop":    noopLog{},
		"console": New(Options{MaxBytes: leastBytes}).LogProcessor(),
	} {
		r := &rig{lp: sdklog.NewLoggerProvider(sdklog.WithProcessor(p))}
		one := func() {
			r.log(b.Context(), log.SeverityInfo, "", "order placed", attribute.String("order", "9000"), attribute.Int("items", 3))
		}
		for range 20_000 {
			one()
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}

type noopLog struct{ sdklog.Processor }

func (noopLog) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (noopLog) OnEmit(context.Context, *sdklog.Record) error           { return nil }

func TestWarningsAreCountedEventsIncluded(t *testing.T) {
	r := newRig(t, Options{})
	r.log(t.Context(), log.SeverityInfo, "", "fine")
	r.log(t.Context(), log.SeverityWarn, "", "hm")
	r.log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, "db is unhealthy", attribute.String(keys.HealthCheckName, "db"))
	if n := r.summary().Problems; n != 2 {
		t.Errorf("%d, want 2", n)
	}
}
