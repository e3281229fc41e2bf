package exporters

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
)

func logOf(t *testing.T, bodies ...string) []byte {
	t.Helper()
	records := make([]*logspb.LogRecord, len(bodies))
	for i, body := range bodies {
		records[i] = &logspb.LogRecord{Body: text(body), TraceId: []byte("0123456789abcdef"), TimeUnixNano: 1<<63 + 1}
	}
	return encode(t, &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: records}}}}})
}

func TestRecordIsReadable(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		want []string
	}{
		"short":   {logOf(t, "hello <b>"), []string{`"traceId":"30313233343536373839616263646566"`, `"timeUnixNano":"9223372036854775809"`, "hello"}},
		"long":    {logOf(t, "begin"+strings.Repeat("ä", 5<<20)), []string{`begin`, ellipsis, `"traceId"`}},
		"many":    {logOf(t, strings.Split(strings.Repeat("x ", 1000), " ")...), []string{`resourceLogs`, ellipsis}},
		"no OTLP": {[]byte("\xff\x00 what is this\n"), []string{"what is this"}},
		"huge":    {[]byte(strings.Repeat("\xff", 5<<20)), []string{ellipsis}},
		"nothing": {nil, []string{"{}"}},
	} {
		got := string(record(Logs, c.body))
		if !json.Valid([]byte(got)) || len(got) > 2*maxRecord {
			t.Errorf("%s: %d bytes: %.300s", name, len(got), got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %.300s", name, want, got)
			}
		}
	}
}

func TestQuarantineKeepsTheNewest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "quarantine")
	q := &quarantine{dir: dir}
	begin := time.Date(2026, 1, 1, 23, 59, 0, 0, time.UTC)
	for i := range maxQuarantine + 20 {
		item := quarantined(Logs, logOf(t, fmt.Sprint("body ", i)), "rejected", errors.New("no"))
		item.Time = begin.Add(time.Duration(i) * time.Second)
		if err := q.add(item); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			write(t, filepath.Join(dir, "notes.json"), "somebody else's")
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "2*.json"))
	if err != nil || len(names) != maxQuarantine {
		t.Fatalf("%d files, %v", len(names), err)
	}
	content, err := os.ReadFile(names[0])
	if err != nil || !strings.Contains(string(content), "body 20") {
		t.Errorf("the oldest: %s, %v", content, err)
	}
	var item Quarantined
	if err := json.Unmarshal(content, &item); err != nil || item.Signal != "logs" || item.Reason != "rejected" || item.Answer != "no" || !item.Time.Equal(begin.Add(20*time.Second)) {
		t.Errorf("%+v, %v", item, err)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700 | fs.ModeDir, names[0]: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.json")); err != nil {
		t.Error(err)
	}
	if last := q.recent(); len(last) != keptQuarantined || !strings.Contains(string(last[7].Record), "body 119") {
		t.Errorf("%d in memory, the last %s", len(last), last[len(last)-1].Record)
	}
}

func TestQuarantineWithoutFolder(t *testing.T) {
	q := &quarantine{}
	if err := q.add(quarantined(Logs, logOf(t, "x"), "rejected", nil)); err != nil || len(q.recent()) != 1 {
		t.Errorf("%v, %v", q.recent(), err)
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	q.dir = filepath.Join(file, "below")
	if err := q.add(quarantined(Logs, logOf(t, "x"), "rejected", nil)); err == nil || len(q.recent()) != 2 {
		t.Errorf("%v, %v", q.recent(), err)
	}
}

func TestQuarantineAnswersWhileItsFilesAreWritten(t *testing.T) {
	q := &quarantine{dir: filepath.Join(t.TempDir(), "quarantine")}
	q.files.Lock() // as by one whom the disk holds up
	added := make(chan error, 1)
	go func() { added <- q.add(quarantined(Logs, logOf(t, "x"), "rejected", nil)) }()
	for len(q.recent()) == 0 {
		runtime.Gosched()
	}
	q.files.Unlock()
	if err := <-added; err != nil {
		t.Error(err)
	}
}
