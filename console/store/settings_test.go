package store

import (
	"encoding/json"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func (r *rig) started(t *testing.T, scope string, columns ...[]string) {
	t.Helper()
	var rec log.Record
	rec.SetEventName(keys.EventStarted)
	for i, key := range []attribute.Key{keys.SettingNames, keys.SettingValues, keys.SettingSources} {
		rec.AddAttributes(attribute.StringSlice(string(key), columns[i]))
	}
	r.LP.Logger(scope).Emit(t.Context(), rec)
}

func TestSettingsAreKeptForGood(t *testing.T) {
	r := newRig(t, leastBytes)
	if b, err := json.Marshal(r.Settings()); err != nil || !strings.Contains(string(b), `"settings":[]`) {
		t.Errorf("%s, %v", b, err)
	}
	r.started(t, keys.ScopeOtelmon, []string{"OTEL_TRACES_SAMPLER", "b"}, []string{"always_on", "\x1b[31m2"}, []string{"default", "code Config.B"})
	r.started(t, "somebody else", []string{"x"}, []string{"x"}, []string{"x"})
	for range 20_000 {
		r.Log(t.Context(), log.SeverityError, "", "a flood of errors that takes all the room there is")
	}
	got := r.Settings().Settings
	if len(got) != 2 || got[0] != (Setting{"OTEL_TRACES_SAMPLER", "always_on", "default"}) || got[1] != (Setting{"b", "2", "code Config.B"}) {
		t.Errorf("%+v", got)
	}
}

func TestSettingsAreBounded(t *testing.T) {
	r := newRig(t, leastBytes)
	many := make([]string, 10_000)
	for i := range many {
		many[i] = strings.Repeat("x", 10_000)
	}
	r.started(t, keys.ScopeOtelmon, many, many, many[:5000])
	size := 0
	for _, s := range r.Settings().Settings {
		size += len(s.Name) + len(s.Value) + len(s.Source)
	}
	if size == 0 || size > settingBytes {
		t.Errorf("%d bytes", size)
	}
	r.started(t, keys.ScopeOtelmon, nil, nil, nil)
	if got := r.Settings(); got.Settings == nil || len(got.Settings) != 0 {
		t.Errorf("%+v", got)
	}
}
