package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"

	"go.uber.org/zap/zapcore"
)

// logRecord is a record as the debug exporter prints it, which is where
// deploy/collector.yaml sends logs.
type logRecord struct {
	resource, attributes                        map[string]string
	scope, severity, event, body, trace, spanID string
}

// decompress returns the body of a request as sent and in plain.
func decompress(r *http.Request) (plain, sent []byte, err error) {
	sent, err = io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return sent, sent, err
	}
	zipped, err := gzip.NewReader(bytes.NewReader(sent))
	if err != nil {
		return nil, nil, err
	}
	plain, err = io.ReadAll(zipped)
	return plain, sent, err
}

// logCore receives what the Collector logs: the records printed by its debug
// exporter, and its own warnings.
func (a *arrivals) logCore() zapcore.Core { return collectorLog{zapcore.InfoLevel, a} }

type collectorLog struct {
	zapcore.LevelEnabler
	arrivals *arrivals
}

func (c collectorLog) With([]zapcore.Field) zapcore.Core { return c }

func (c collectorLog) Sync() error { return nil }

func (c collectorLog) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return checked.AddCore(e, c)
}

func (c collectorLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if records := parseRecords(e.Message); len(records) > 0 {
		c.arrivals.add(func() { c.arrivals.logs = append(c.arrivals.logs, records...) })
	}
	if e.Level >= zapcore.WarnLevel {
		more := zapcore.NewMapObjectEncoder()
		for _, f := range fields {
			f.AddTo(more)
		}
		c.arrivals.add(func() { c.arrivals.trouble = append(c.arrivals.trouble, fmt.Sprint(e.Message, " ", more.Fields)) })
	}
	return nil
}

// parseRecords reads the debug exporter's detailed form of logs.
func parseRecords(text string) []logRecord {
	var (
		records         []logRecord
		resource, attrs map[string]string
		scope           string
	)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		key, value, _ := strings.Cut(line, ": ")
		last := len(records) - 1
		switch {
		case strings.HasPrefix(line, "ResourceLog #"):
			resource = make(map[string]string)
		case line == "Resource attributes:":
			attrs = resource
		case strings.HasPrefix(line, "InstrumentationScope "):
			scope, _, _ = strings.Cut(strings.TrimPrefix(line, "InstrumentationScope "), " ")
		case strings.HasPrefix(line, "LogRecord #"):
			records = append(records, logRecord{resource: resource, scope: scope, attributes: make(map[string]string)})
		case line == "Attributes:" && last >= 0:
			attrs = records[last].attributes
		case strings.HasPrefix(line, "     -> ") && attrs != nil:
			attrs[strings.TrimPrefix(key, "     -> ")] = unwrap(value)
		case last >= 0:
			records[last].set(key, value)
		}
	}
	return records
}

func (r *logRecord) set(key, value string) {
	switch key {
	case "SeverityNumber":
		r.severity, _, _ = strings.Cut(value, "(")
	case "EventName":
		r.event = value
	case "Body":
		r.body = unwrap(value)
	case "Trace ID":
		r.trace = value
	case "Span ID":
		r.spanID = value
	}
}

// unwrap takes Str(text) to text.
func unwrap(value string) string {
	_, inner, ok := strings.Cut(value, "(")
	if !ok {
		return value
	}
	return strings.TrimSuffix(inner, ")")
}
