package exporters

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	maxRecord       = 4 << 10 // bytes of a refused item that are shown
	maxRecordText   = 256     // bytes of one text in it
	maxQuarantine   = 100     // files
	keptQuarantined = 8       // in memory
)

// Quarantined is an item that a backend refused, for a person to look at.
type Quarantined struct {
	Time   time.Time `json:"time"`   // of the refusal
	Signal string    `json:"signal"` // traces, metrics or logs
	Reason string    `json:"reason"` // rejected or too_large
	Answer string    `json:"answer"` // what the backend said, on one line
	// Record is the item with its resource and scope as OTLP's JSON, long texts
	// shortened. If that is still more than 4 KiB, it is a string with the
	// beginning of it, and the same of content that is no OTLP.
	Record json.RawMessage `json:"record"`
}

func quarantined(signal Signal, body []byte, reason string, why error) Quarantined {
	q := Quarantined{Time: time.Now(), Signal: signal.String(), Reason: reason, Record: record(signal, body)}
	if why != nil {
		q.Answer = why.Error()
	}
	return q
}

// record makes a request readable.
func record(signal Signal, body []byte) json.RawMessage {
	text, err := readable(signal, body)
	if err == nil && len(text) <= maxRecord {
		return text
	}
	if err != nil {
		text = body
	}
	short, _ := json.Marshal(cut(escapeControl(cut(string(text), maxRecord)), maxRecord)) // a string always has a JSON form
	return short
}

func readable(signal Signal, body []byte) ([]byte, error) {
	var request proto.Message
	switch signal {
	case Traces:
		request = &coltrace.ExportTraceServiceRequest{}
	case Metrics:
		request = &colmetrics.ExportMetricsServiceRequest{}
	case Logs:
		request = &collogs.ExportLogsServiceRequest{}
	}
	if err := proto.Unmarshal(body, request); err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(request)
	if err != nil {
		return nil, err
	}
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	return json.Marshal(shortened("", tree))
}

// shortened cuts long texts and writes IDs in hex, as OTLP's own JSON does.
func shortened(key string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = shortened(key, inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = shortened("", inner)
		}
	case string:
		if slices.Contains([]string{"traceId", "spanId", "parentSpanId"}, key) {
			if id, err := base64.StdEncoding.DecodeString(v); err == nil {
				return hex.EncodeToString(id)
			}
		}
		return cut(v, maxRecordText)
	}
	return value
}

// quarantine keeps what backends refused: the newest in memory and, if it has a
// folder, more of them in files. It is safe for concurrent use.
type quarantine struct {
	mu   sync.Mutex // never held while the disk is waited for
	last []Quarantined
	dir  string // "" for none

	files sync.Mutex // of who writes them
}

func (q *quarantine) keepIn(dir string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dir = dir
}

// recent returns the newest items, oldest first.
func (q *quarantine) recent() []Quarantined {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.last)
}

// add keeps the items. The error is of the files alone.
func (q *quarantine) add(items ...Quarantined) error {
	q.mu.Lock()
	q.last = append(q.last, items...)
	q.last = slices.Clone(q.last[max(len(q.last)-keptQuarantined, 0):])
	dir := q.dir
	q.mu.Unlock()
	if dir == "" || len(items) == 0 {
		return nil
	}
	q.files.Lock()
	defer q.files.Unlock()
	if err := writeAll(dir, items); err != nil {
		return fmt.Errorf("writing to the quarantine: %w", err)
	}
	return nil
}

// writeAll goes through a root so that no link in the folder leads out of it.
func writeAll(dir string, items []Quarantined) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for i, item := range items {
		if err := writeItem(root, item, i); err != nil {
			return err
		}
	}
	return prune(root)
}

func writeItem(root *os.Root, item Quarantined, i int) error {
	text, err := json.MarshalIndent(item, "", "  ")
	if err != nil {
		return err
	}
	// The names sort by time.
	name := fmt.Sprintf("%s-%d-%s.json", item.Time.UTC().Format("20060102T150405.000000000"), i, item.Signal)
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Close())
}

// prune removes the oldest files. What else lies in the folder stays.
func prune(root *os.Root) error {
	names, err := fs.Glob(root.FS(), "[0-9]*T*-*.json")
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names[:max(len(names)-maxQuarantine, 0)] {
		if err := root.Remove(path.Base(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
