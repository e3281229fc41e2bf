package exporters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// encoder turns batches into OTLP requests. It is the official exporters, whose
// request ends in a transport that only keeps its body. The messages of OTLP
// over HTTP and over gRPC are the same bytes.
type encoder struct {
	spans   sdktrace.SpanExporter
	metrics sdkmetric.Exporter
	records sdklog.Exporter
}

// nowhere is never dialled. A URL keeps the exporters from reading the
// environment's.
const nowhere = "http://localhost/"

func newEncoder(ctx context.Context, temporality sdkmetric.TemporalitySelector, aggregation sdkmetric.AggregationSelector) (*encoder, error) {
	client := &http.Client{Transport: capture{}}
	const patience = time.Minute // a body in memory needs none
	spans, err1 := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(nowhere), otlptracehttp.WithHTTPClient(client), otlptracehttp.WithTLSClientConfig(nil),
		otlptracehttp.WithHeaders(nil), otlptracehttp.WithCompression(otlptracehttp.NoCompression), otlptracehttp.WithTimeout(patience),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	metrics, err2 := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(nowhere), otlpmetrichttp.WithHTTPClient(client), otlpmetrichttp.WithTLSClientConfig(nil),
		otlpmetrichttp.WithHeaders(nil), otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression), otlpmetrichttp.WithTimeout(patience),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}),
		otlpmetrichttp.WithTemporalitySelector(temporality), otlpmetrichttp.WithAggregationSelector(aggregation))
	records, err3 := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(nowhere), otlploghttp.WithHTTPClient(client), otlploghttp.WithTLSClientConfig(nil),
		otlploghttp.WithHeaders(nil), otlploghttp.WithCompression(otlploghttp.NoCompression), otlploghttp.WithTimeout(patience),
		otlploghttp.WithRetry(otlploghttp.RetryConfig{}))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return &encoder{spans, metrics, records}, nil
}

// encodeSpans may use buf for what it returns. The error is errLarge if the spans
// have to be encoded in parts.
func (e *encoder) encodeSpans(ctx context.Context, buf []byte, batch []sdktrace.ReadOnlySpan) ([]byte, error) {
	body, err := written(buf, func(w *wire) { w.spans(batch) })
	if !errors.Is(err, errUnusual) {
		return body, err
	}
	return captured(ctx, batch, e.spans.ExportSpans, validSpans)
}

func (e *encoder) encodeMetrics(ctx context.Context, rm *metricdata.ResourceMetrics) ([]byte, error) {
	return captured(ctx, rm, e.metrics.Export, validMetrics)
}

// encodeRecords is as encodeSpans.
func (e *encoder) encodeRecords(ctx context.Context, buf []byte, batch []sdklog.Record) ([]byte, error) {
	body, err := written(buf, func(w *wire) { w.records(batch) })
	if !errors.Is(err, errUnusual) {
		return body, err
	}
	return captured(ctx, batch, e.records.Export, validRecords)
}

// captured returns the request that an exporter would send. A batch with text that
// is not UTF-8 can't be written; a repaired copy of it is. Checking only
// afterwards keeps the good path free. A panic, which comes from somebody's
// value in the batch, becomes an error.
func captured[B any](ctx context.Context, batch B, export func(context.Context, B) error, repaired func(B) B) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	var kept bytes.Buffer
	ctx = context.WithValue(ctx, capture{}, &kept)
	err = export(ctx, batch)
	if isInvalidUTF8(err) {
		kept.Reset()
		err = export(ctx, repaired(batch))
	}
	return kept.Bytes(), err
}

// capture is a transport that keeps the body of a request in the buffer that is
// the context's value of its type. What it answers means that all was taken.
type capture struct{}

// RoundTrip implements [http.RoundTripper].
func (capture) RoundTrip(req *http.Request) (*http.Response, error) {
	kept, ok := req.Context().Value(capture{}).(*bytes.Buffer)
	if !ok {
		return nil, errors.New("no export is being encoded")
	}
	kept.Grow(int(max(req.ContentLength, 0)) + bytes.MinRead)
	_, err := kept.ReadFrom(req.Body)
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}, errors.Join(err, req.Body.Close())
}

var errPanic = errors.New("exporter panicked")
