package store

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

func TestLogsSelect(t *testing.T) {
	r := newRig(t, 0)
	ctx, s := r.Span(t.Context(), "GET /")
	defer s.End()
	r.Log(t.Context(), log.SeverityDebug, "", "one")
	r.Log(ctx, log.SeverityInfo2, "", "two", attribute.String("user", "Ada"))
	r.Log(t.Context(), log.SeverityWarn, "", "three")
	r.Log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, "four", attribute.String(keys.HealthCheckName, "db"))
	r.Log(t.Context(), 0, "", "five")
	for _, tc := range []struct {
		q    LogQuery
		want string
	}{
		{LogQuery{}, "five four three two one"},
		{LogQuery{Level: "warn"}, "four three"},
		{LogQuery{Level: "INFO"}, "four three two"},
		{LogQuery{Text: "ADA"}, "two"},
		{LogQuery{Text: "state_changed"}, "four"},
		{LogQuery{Trace: traceID(s)}, "two"},
		{LogQuery{Trace: trace.TraceID{9}}, ""},
		{LogQuery{Limit: 2}, "five four"},
		{LogQuery{Limit: 2, Skip: 1}, "four three"},
		{LogQuery{Skip: 4}, "one"},
		{LogQuery{Skip: 6}, ""},
		{LogQuery{Skip: -1}, "five four three two one"},
	} {
		list := r.Logs(tc.q)
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
	c := New(0)
	lp := sdklog.NewLoggerProvider(sdklog.WithProcessor(scribbler{c.LogProcessor()}))
	r := &rig{c, &taptest.Rig{LP: lp}}
	r.Log(t.Context(), log.SeverityInfo, "", "mine", attribute.String("k", "v"))
	got := c.Logs(LogQuery{}).Logs
	if len(got) != 1 || got[0].Body != "mine" || got[0].Attributes.Get("k") != "v" {
		t.Errorf("%+v", got)
	}
}

func TestLogAnswerIsBoundedInBytes(t *testing.T) {
	r := newRig(t, 0)
	long := make([]attribute.KeyValue, 60)
	for i := range long {
		long[i] = attribute.String(strings.Repeat("k", i+1), strings.Repeat("x", 2000))
	}
	for range 400 {
		r.Log(t.Context(), log.SeverityInfo, "", "big", long...)
	}
	list := r.Logs(LogQuery{Limit: maxLogs})
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
		"console": New(leastBytes).LogProcessor(),
	} {
		r := &taptest.Rig{LP: sdklog.NewLoggerProvider(sdklog.WithProcessor(p))}
		one := func() {
			r.Log(b.Context(), log.SeverityInfo, "", "order placed", attribute.String("order", "9000"), attribute.Int("items", 3))
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
	r := newRig(t, 0)
	r.Log(t.Context(), log.SeverityInfo, "", "fine")
	r.Log(t.Context(), log.SeverityWarn, "", "hm")
	r.Log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, "db is unhealthy", attribute.String(keys.HealthCheckName, "db"))
	if n := r.Summary().Problems; n != 2 {
		t.Errorf("%d, want 2", n)
	}
}
