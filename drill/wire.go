package drill

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelmon/otelmon-go/exporters"
)

// request is what was sent, and ids what its items are known by.
type request struct {
	signal exporters.Signal
	ids    []string
	body   []byte // as it came
}

// answering is the way back of one request.
type answering struct {
	w            http.ResponseWriter
	overGRPC     bool
	healed, gone <-chan struct{} // the fault, and the sender
}

const frameHeader = 5 // of a message over gRPC: a flag and its length

// read takes a request of either protocol.
func read(w http.ResponseWriter, req *http.Request) (answering, request, error) {
	a := answering{w: w, overGRPC: strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc")}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return a, request{}, err
	}
	content, err := a.message(req.Header, body)
	if err != nil {
		return a, request{}, err
	}
	r, err := decode(req.URL.Path, content)
	r.body = body
	return a, r, err
}

// message takes the content of either direction out of its frame and compression.
func (a answering) message(header http.Header, body []byte) ([]byte, error) {
	zipped := header.Get("Content-Encoding") == exporters.CompressionGzip
	if a.overGRPC {
		if len(body) < frameHeader || int64(len(body)-frameHeader) != int64(binary.BigEndian.Uint32(body[1:])) {
			return nil, errors.New("not one message of gRPC")
		}
		zipped, body = body[0] == 1, body[frameHeader:]
	}
	if !zipped {
		return body, nil
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzipped)
}

func decode(path string, body []byte) (r request, err error) {
	switch path {
	case "/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
		r.signal = exporters.Traces
		var all coltrace.ExportTraceServiceRequest
		err = proto.Unmarshal(body, &all)
		for _, resource := range all.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					r.ids = append(r.ids, hex.EncodeToString(span.GetSpanId()))
				}
			}
		}
	case "/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export":
		r.signal = exporters.Metrics
		var all colmetrics.ExportMetricsServiceRequest
		err = proto.Unmarshal(body, &all)
		for _, resource := range all.GetResourceMetrics() {
			for _, scope := range resource.GetScopeMetrics() {
				for _, metric := range scope.GetMetrics() {
					for _, point := range metric.GetGauge().GetDataPoints() {
						r.ids = append(r.ids, strconv.FormatInt(point.GetAsInt(), 10))
					}
				}
			}
		}
	case "/v1/logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export":
		r.signal = exporters.Logs
		var all collogs.ExportLogsServiceRequest
		err = proto.Unmarshal(body, &all)
		for _, resource := range all.GetResourceLogs() {
			for _, scope := range resource.GetScopeLogs() {
				for _, record := range scope.GetLogRecords() {
					r.ids = append(r.ids, strconv.FormatUint(record.GetTimeUnixNano(), 10))
				}
			}
		}
	default:
		err = fmt.Errorf("nothing is at %.100q", path)
	}
	return r, err
}

// accept answers with an empty message.
func (a answering) accept() {
	if !a.overGRPC {
		a.w.Header().Set("Content-Type", "application/x-protobuf")
		return
	}
	a.w.Header().Set("Content-Type", "application/grpc")
	_, _ = a.w.Write(make([]byte, frameHeader)) // a sender that is gone needs no answer
	a.w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}

func (a answering) refuse(code int, grpc codes.Code, after time.Duration) {
	const why = "refused by the drill"
	if !a.overGRPC {
		if after > 0 {
			a.w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
		}
		http.Error(a.w, why, code)
		return
	}
	h := a.w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(int(grpc)))
	h.Set("Grpc-Message", why)
	s, err := status.New(grpc, why).WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	if err != nil || code < 429 { // no reason to wait
		return
	}
	if details, err := proto.Marshal(s.Proto()); err == nil {
		h.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(details))
	}
}
