package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.uber.org/zap/zapcore"
)

type logRecord struct {
	plog.LogRecord
	resource map[string]any
}

// serveLogs takes the place of Loki.
func serveLogs(t *testing.T, a *arrivals) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /otlp/v1/logs", func(w http.ResponseWriter, r *http.Request) {
		if err := recordLogs(a, r); err != nil {
			t.Errorf("logs from the Collector: %v", err)
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/otlp"
}

func recordLogs(a *arrivals, r *http.Request) error {
	plain, _, err := decompress(r)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	req := plogotlp.NewExportRequest()
	if err := req.UnmarshalProto(plain); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	a.add(func() {
		for _, rl := range req.Logs().ResourceLogs().All() {
			resource := rl.Resource().Attributes().AsRaw()
			for _, sl := range rl.ScopeLogs().All() {
				for _, l := range sl.LogRecords().All() {
					a.logs = append(a.logs, logRecord{l, resource})
				}
			}
		}
	})
	return nil
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

// logCore receives what the Collector logs, of which its warnings are kept.
func (a *arrivals) logCore() zapcore.Core { return collectorLog{zapcore.WarnLevel, a} }

type collectorLog struct {
	zapcore.LevelEnabler
	arrivals *arrivals
}

func (c collectorLog) With([]zapcore.Field) zapcore.Core { return c }

func (c collectorLog) Sync() error { return nil }

func (c collectorLog) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(e.Level) {
		return checked
	}
	return checked.AddCore(e, c)
}

func (c collectorLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	more := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(more)
	}
	c.arrivals.add(func() { c.arrivals.trouble = append(c.arrivals.trouble, fmt.Sprint(e.Message, " ", more.Fields)) })
	return nil
}
