package diagnosis_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

func TestFailingCheckIsNamed(t *testing.T) {
	st := store.New(0)
	rig := taptest.New(t, st)
	rig.Status(t, map[string]string{"db": "unhealthy", "cache": "healthy"}, "unhealthy")
	rig.Change(t, "db", "healthy", "unhealthy", "connection refused")

	r := diagnosis.Diagnose(st, diagnosis.Question{})
	if r.Status != "unhealthy" || len(r.Findings) != 1 {
		t.Fatalf("%+v", r)
	}
	f := r.Findings[0]
	if f.Component != "db" || f.Severity != diagnosis.Critical || !strings.Contains(f.Summary, "connection refused") {
		t.Errorf("%+v", f)
	}
	if len(r.Healthy) != 1 || r.Healthy[0] != "cache" {
		t.Errorf("healthy: %q", r.Healthy)
	}
}

// A check whose cause is known is no consequence of another one that fails.
func TestACheckFollowsFromWhatItDependsOn(t *testing.T) {
	st := store.New(0)
	rig := taptest.New(t, st)
	rig.Change(t, "redis", "healthy", "unhealthy", "connection refused")
	rig.Change(t, "postgres", "healthy", "unhealthy", "no such host")
	rig.Change(t, "orders", "healthy", "unhealthy", "cannot be read", "postgres")
	muted, err := rig.MP.Meter(keys.ScopeHealth).Int64UpDownCounter(keys.HealthCheckMuted)
	if err != nil {
		t.Fatal(err)
	}
	muted.Add(t.Context(), 1, metric.WithAttributes(attribute.String(keys.HealthCheckName, "orders")))

	got := map[string]string{}
	for _, f := range diagnosis.Diagnose(st, diagnosis.Question{}).Findings {
		got[f.Component] = strings.Join(f.Consequences, ", ")
	}
	if want := map[string]string{"redis": "", "postgres": "outage of orders"}; !maps.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What was logged is the cause where spans fail without a word.
func TestALogTellsWhyWhereNoSpanDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.New(0)
		rig := taptest.New(t, st)
		for i := range 120 {
			ctx, s := rig.Span(t.Context(), "GET /search", trace.WithSpanKind(trace.SpanKindServer))
			if i >= 60 {
				s.SetStatus(codes.Error, "")
				rig.Log(ctx, log.SeverityError, "", "read a cached answer: unexpected end of JSON input")
			}
			s.End()
			<-time.After(time.Second)
		}
		r := diagnosis.Diagnose(st, diagnosis.Question{})
		if len(r.Findings) != 1 || r.Findings[0].Cause != "GET /search fails: read a cached answer: unexpected end of JSON input" {
			t.Errorf("%s", brief(&r))
		}
	})
}

// A start is not usual, but a fault that began within it is not either.
func TestAFaultOfTheFirstMinuteStaysFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.New(0)
		rig := taptest.New(t, st)
		for i := range 600 {
			took := 20 * time.Millisecond
			if i > 40 {
				took = 400 * time.Millisecond
			}
			at := time.Now()
			_, s := rig.Span(t.Context(), "SELECT orders", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", "sqlite")))
			<-time.After(time.Second)
			s.End(trace.WithTimestamp(at.Add(took + time.Duration(i%5)*time.Millisecond)))
		}
		r := diagnosis.Diagnose(st, diagnosis.Question{})
		if len(r.Findings) != 1 || r.Findings[0].Kind != diagnosis.KindDependencySlow || r.Findings[0].Component != "sqlite" {
			t.Errorf("%s", brief(&r))
		}
	})
}

func TestListsAreNeverNull(t *testing.T) {
	b, err := json.Marshal(diagnosis.Diagnose(store.New(0), diagnosis.Question{}))
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s, %v", b, err)
	}
}

// served plays a second of so many: requests of one name, each with a status.
func served(t *testing.T, seconds int, fails func(second int) bool) *diagnosis.Report {
	t.Helper()
	var r diagnosis.Report
	synctest.Test(t, func(t *testing.T) {
		st := store.New(0)
		rig := taptest.New(t, st)
		for second := range seconds {
			_, s := rig.Span(t.Context(), "GET /", trace.WithSpanKind(trace.SpanKindServer))
			if fails(second) {
				s.SetStatus(codes.Error, "no")
			}
			s.End(trace.WithTimestamp(time.Now().Add(time.Millisecond)))
			<-time.After(time.Second)
		}
		r = diagnosis.Diagnose(st, diagnosis.Question{})
	})
	return &r
}

// What is usual is not learnt from the start of a program, which is all that is
// known of one that is young.
func TestAStartIsNotUsual(t *testing.T) {
	for name, c := range map[string]struct {
		seconds int
		fails   func(second int) bool
		want    string
	}{
		"it fails after a rough start":      {400, func(s int) bool { return s < 50 || (s >= 300 && s%3 == 0) }, "of GET / fail, 0 % before"},
		"it fails two minutes after it":     {300, func(s int) bool { return s < 50 || s >= 180 }, "of GET / fail, 0 % before"},
		"it has not yet done anything else": {65, func(int) bool { return true }, "100 % of GET / fail, unknown before"},
		"after a rough start all is well":   {400, func(s int) bool { return s < 50 }, ""},
	} {
		summary := ""
		for _, f := range served(t, c.seconds, c.fails).Findings {
			summary += f.Summary
		}
		if !strings.Contains(summary, c.want) || (c.want == "") != (summary == "") {
			t.Errorf("%s: %q, want %q", name, summary, c.want)
		}
	}
}

// Whom a span calls is told by attributes of today and of before.
func TestWhoIsCalled(t *testing.T) {
	text := attribute.String
	for want, c := range map[string]struct {
		kind  trace.SpanKind
		attrs []attribute.KeyValue
	}{
		"pg-1":           {trace.SpanKindClient, []attribute.KeyValue{text("db.system.name", "postgresql"), text("server.address", "pg-1")}},
		"mysql":          {trace.SpanKindClient, []attribute.KeyValue{text("db.system", "mysql")}},
		"mysql crm":      {trace.SpanKindInternal, []attribute.KeyValue{text("db.system", "mysql"), text("db.name", "crm")}},
		"mysql shop":     {trace.SpanKindClient, []attribute.KeyValue{text("db.system", "mysql"), text("db.namespace", "shop")}},
		"kafka mails":    {trace.SpanKindProducer, []attribute.KeyValue{text("messaging.system", "kafka"), text("messaging.destination.name", "mails")}},
		"shop.Cart":      {trace.SpanKindClient, []attribute.KeyValue{text("rpc.system", "grpc"), text("rpc.service", "shop.Cart")}},
		"grpc":           {trace.SpanKindClient, []attribute.KeyValue{text("rpc.system", "grpc")}},
		"auth":           {trace.SpanKindClient, []attribute.KeyValue{text("peer.service", "auth")}},
		"old.svc":        {trace.SpanKindClient, []attribute.KeyValue{text("net.peer.name", "old.svc")}},
		"127.0.0.1:9001": {trace.SpanKindClient, []attribute.KeyValue{text("server.address", "127.0.0.1"), attribute.Int("server.port", 9001)}},
		"of its own":     {trace.SpanKindInternal, []attribute.KeyValue{text("server.address", "a.svc")}},
		"of a request":   {trace.SpanKindServer, []attribute.KeyValue{text("server.address", "a.svc")}},
		"of a message":   {trace.SpanKindConsumer, []attribute.KeyValue{text("messaging.system", "kafka")}},
		"of somebody":    {trace.SpanKindClient, nil},
	} {
		st := store.New(0)
		rig := taptest.New(t, st)
		for range 20 {
			_, s := rig.Span(t.Context(), want, trace.WithSpanKind(c.kind), trace.WithAttributes(c.attrs...))
			s.SetStatus(codes.Error, "no")
			s.End()
		}
		kind := diagnosis.KindDependencyDown
		if strings.HasPrefix(want, "of ") {
			kind = diagnosis.KindErrorRate
		}
		r := diagnosis.Diagnose(st, diagnosis.Question{})
		if len(r.Findings) != 1 || r.Findings[0].Component != want || r.Findings[0].Kind != kind {
			t.Errorf("%s: %s", want, brief(&r))
		}
	}
}

func TestAQuestionHasBounds(t *testing.T) {
	st := store.New(0)
	rig := taptest.New(t, st)
	for i := range 12 {
		rig.Change(t, fmt.Sprint("check ", i), "healthy", "unhealthy", "bad")
	}
	for limit, want := range map[int]int{0: 5, 1: 1, 7: 7, 99: 10, -3: 1} {
		r := diagnosis.Diagnose(st, diagnosis.Question{Limit: limit})
		if len(r.Findings) != want || r.Total != 12 || !r.Truncated || r.Findings[want-1].Rank != want || !strings.HasSuffix(r.Summary, " Other findings: 11.") {
			t.Errorf("%d: %d of %d, %s", limit, len(r.Findings), r.Total, r.Summary)
		}
	}
	r := diagnosis.Diagnose(st, diagnosis.Question{Component: "CHECK 1", Since: -time.Minute})
	if r.Total != 3 || r.Window.From != r.Window.To { // 1, 10 and 11
		t.Errorf("%d findings, %+v", r.Total, r.Window)
	}
}
