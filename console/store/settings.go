package store

import (
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Setting is one effective value and where it came from, as otelmon.Start
// resolved it. Values that may be secret are redacted.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // default, detected, environment and a variable, or code and a field
}

// SettingList is the configuration of telemetry.
type SettingList struct {
	AsOf     time.Time `json:"as_of"` // when it was told; zero when it was not, as otelmon.Start did not set up the SDK
	Settings []Setting `json:"settings"`
}

// settingBytes bounds what is kept of the settings.
const settingBytes = 64 << 10

// settingTable is what the event of otelmon.Start told, kept for good.
type settingTable struct {
	told atomic.Pointer[SettingList]
}

// Settings returns the effective configuration of telemetry.
func (st *Store) Settings() SettingList {
	if told := st.settings.told.Load(); told != nil {
		return *told
	}
	return SettingList{Settings: []Setting{}}
}

func isStart(r *sdklog.Record) bool {
	return r.EventName() == keys.EventStarted && r.InstrumentationScope().Name == keys.ScopeOtelmon
}

func (t *settingTable) learn(r *sdklog.Record) {
	columns := map[string][]string{}
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		if kv.Value.Type() == attribute.STRINGSLICE {
			columns[string(kv.Key)] = kv.Value.AsStringSlice()
		}
		return true
	})
	names, values, sources := columns[keys.SettingNames], columns[keys.SettingValues], columns[keys.SettingSources]
	list := SettingList{AsOf: r.Timestamp(), Settings: []Setting{}}
	size := 0
	for i := range min(len(names), len(values), len(sources)) {
		s := Setting{CleanLine(Cut(names[i], maxName)), CleanLine(Cut(values[i], maxFact)), CleanLine(Cut(sources[i], maxName))}
		if size += 64 + len(s.Name) + len(s.Value) + len(s.Source); size > settingBytes {
			break
		}
		list.Settings = append(list.Settings, s)
	}
	t.told.Store(&list)
}
