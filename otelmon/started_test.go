package otelmon

import (
	"context"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// listener is a recorder that takes in log records, too.
type listener struct {
	*recorder
	sdklog.Processor
	records []sdklog.Record
	ended   int
}

func (l *listener) LogProcessor() sdklog.Processor { return l }

func (l *listener) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

func (l *listener) OnEmit(_ context.Context, r *sdklog.Record) error {
	l.records = append(l.records, r.Clone())
	return nil
}

func (l *listener) ForceFlush(context.Context) error { return nil }

func (l *listener) Shutdown(context.Context) error { l.ended++; return nil }

func TestTapsAreToldTheSettingsAndBackendsAreNot(t *testing.T) {
	receiver, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	l := &listener{recorder: newRecorder()}
	m, err := start(t, Config{
		Endpoint: receiver.HTTPURL(), Headers: map[string]string{"api-key": "hunter2"}, Taps: []Tap{l, SpanEvents{}},
	}, "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT=1")
	if err != nil {
		t.Fatal(err)
	}
	if len(l.records) != 1 || l.records[0].EventName() != keys.EventStarted || l.records[0].InstrumentationScope().Name != keys.ScopeOtelmon {
		t.Fatalf("%+v", l.records)
	}
	var told []Setting
	columns := map[string][]string{}
	l.records[0].WalkAttributes(func(kv attribute.KeyValue) bool {
		columns[string(kv.Key)] = kv.Value.AsStringSlice()
		return true
	})
	for i, name := range columns[keys.SettingNames] {
		told = append(told, Setting{name, columns[keys.SettingValues][i], columns[keys.SettingSources][i]})
		if strings.Contains(columns[keys.SettingValues][i], "hunter2") {
			t.Errorf("%s tells a secret", name)
		}
	}
	if !slices.Equal(told, m.Settings()) || len(told) == 0 {
		t.Errorf("told %v, want %v", told, m.Settings())
	}
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(receiver.Logs()) > 0 || l.ended != 1 {
		t.Errorf("%d records at the backend, shut down %d times", len(receiver.Logs()), l.ended)
	}
}

// Spans that the sampler drops reach the taps only, and the ledger knows nothing of
// them. Operations stay sampled.
func TestRecordAllIsForTapsOnly(t *testing.T) {
	for _, tc := range []struct {
		environ []string
		spans   int // that the tap gets, of three
		sampled int
	}{
		{[]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, 1, 1},
		{[]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0", "OTELMON_RECORD_ALL=true"}, 3, 1},
		{[]string{"OTEL_TRACES_SAMPLER=always_off", "OTELMON_RECORD_ALL=true"}, 3, 0},
		{[]string{"OTEL_TRACES_SAMPLER=always_on", "OTELMON_RECORD_ALL=true"}, 3, 3},
	} {
		t.Run(strings.Join(tc.environ, " "), func(t *testing.T) {
			receiver, err := oteltest.Start(oteltest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer receiver.Close()
			r := newRecorder()
			m, err := start(t, Config{Endpoint: receiver.HTTPURL(), Taps: []Tap{r}}, tc.environ...)
			if err != nil {
				t.Fatal(err)
			}
			ctx, operation := otel.Tracer(keys.ScopeBulk).Start(t.Context(), "bulk import",
				trace.WithAttributes(attribute.String(keys.BulkOperationID, "1")))
			ctx, child := otel.Tracer("shop").Start(ctx, "insert")
			_, grandchild := otel.Tracer("shop").Start(ctx, "SELECT")
			grandchild.End()
			child.End()
			operation.End()
			if err := m.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			created := int64(0)
			for _, a := range m.Status().Accounts {
				if a.Signal.String() == "traces" {
					created += a.Created
				}
			}
			if got := len(r.spans.Ended()); got != tc.spans || len(receiver.Spans()) != tc.sampled || created != int64(tc.sampled) {
				t.Errorf("the tap has %d spans, the backend %d, the ledger %d; want %d, %d", got, len(receiver.Spans()), created, tc.spans, tc.sampled)
			}
		})
	}
}

// Without a tap nobody would see what is recorded, so nothing is.
func TestRecordAllNeedsATap(t *testing.T) {
	if _, err := start(t, Config{Exporters: "none"}, "OTEL_TRACES_SAMPLER=always_off", "OTELMON_RECORD_ALL=true"); err != nil {
		t.Fatal(err)
	}
	if _, s := otel.Tracer("shop").Start(t.Context(), "x"); s.IsRecording() {
		t.Error("recorded for nobody")
	}
}
