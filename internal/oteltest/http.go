package oteltest

import (
	"compress/gzip"
	"io"
	"net/http"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

func (r *Receiver) httpServer() *http.Server {
	mux := http.NewServeMux()
	for _, path := range []string{"/v1/traces", "/v1/metrics", "/v1/logs"} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, req *http.Request) { r.serveHTTP(w, req, path) })
		// Any prefix is served as well: a backend may live below a path.
		mux.HandleFunc("POST /{prefix}"+path, func(w http.ResponseWriter, req *http.Request) { r.serveHTTP(w, req, path) })
	}
	return &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
}

func (r *Receiver) serveHTTP(w http.ResponseWriter, req *http.Request, path string) {
	body, err := readBody(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	got := Request{Protocol: "http/protobuf", Path: req.URL.Path, Header: req.Header, Size: len(body)}
	content := got
	answer, broken := content.accept(path, body)
	fault := r.faultFor(content)
	if fault.Hang {
		r.keep(got)
		r.hang(req.Context())
		panic(http.ErrAbortHandler) // breaks the connection without an answer
	}
	if fault.Status != 0 {
		r.keep(got)
		refuse(w, fault)
		return
	}
	if broken != nil {
		http.Error(w, broken.Error(), http.StatusBadRequest)
		return
	}
	r.keep(content)
	encoded, err := proto.Marshal(answer(fault))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(encoded) // a sender that is gone needs no answer
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(req.Body)
	}
	unzipped, err := gzip.NewReader(req.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzipped)
}

func refuse(w http.ResponseWriter, fault Fault) {
	for name, value := range fault.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(fault.Status)
	_, _ = io.WriteString(w, fault.Message) // a sender that is gone needs no answer
}

// accept decodes body into the request and returns what makes the answer.
func (q *Request) accept(path string, body []byte) (func(Fault) proto.Message, error) {
	q.Accepted = true
	switch path {
	case "/v1/traces":
		q.Traces = &coltrace.ExportTraceServiceRequest{}
		return func(f Fault) proto.Message { return tracesAnswer(f) }, proto.Unmarshal(body, q.Traces)
	case "/v1/metrics":
		q.Metrics = &colmetrics.ExportMetricsServiceRequest{}
		return func(f Fault) proto.Message { return metricsAnswer(f) }, proto.Unmarshal(body, q.Metrics)
	default:
		q.Logs = &collogs.ExportLogsServiceRequest{}
		return func(f Fault) proto.Message { return logsAnswer(f) }, proto.Unmarshal(body, q.Logs)
	}
}
