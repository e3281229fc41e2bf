package exporters

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// BenchmarkSend posts a batch of 512 spans to this process and, beside it, has
// the official exporter upload the same, which encodes it first.
func BenchmarkSend(b *testing.B) {
	body := requestOf(b, Traces, 512)
	var request coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		b.Fatal(err)
	}
	for _, e := range []Endpoint{{URL: swallowHTTP(b)}, {URL: swallowGRPC(b), Protocol: ProtocolGRPC}} {
		for _, compression := range []string{CompressionNone, CompressionGzip} {
			e.Compression = compression
			name := map[string]string{"": "http", ProtocolGRPC: "grpc"}[e.Protocol] + "/" + compression
			b.Run(name+"/send", func(b *testing.B) {
				s := senderTo(b, e, Traces)
				b.ReportAllocs()
				for b.Loop() {
					if a := s.send(b.Context(), body, "b"); a.kind != kindDelivered || a.err != nil {
						b.Fatal(a)
					}
				}
			})
			b.Run(name+"/official", func(b *testing.B) {
				upload := official(b, e)
				b.ReportAllocs()
				for b.Loop() {
					if err := upload(b.Context(), request.GetResourceSpans()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// official returns the upload of the official exporter's client.
func official(b *testing.B, e Endpoint) func(context.Context, []*tracepb.ResourceSpans) error {
	b.Helper()
	zip := e.Compression == CompressionGzip
	if e.Protocol == ProtocolGRPC {
		opts := []otlptracegrpc.Option{otlptracegrpc.WithEndpointURL(e.URL)}
		if zip {
			opts = append(opts, otlptracegrpc.WithCompressor("gzip"))
		}
		c := otlptracegrpc.NewClient(opts...)
		if err := c.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Stop(context.Background()) })
		return c.UploadTraces
	}
	opts := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(e.URL)}
	if zip {
		opts = append(opts, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	c := otlptracehttp.NewClient(opts...)
	if err := c.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Stop(context.Background()) })
	return c.UploadTraces
}

func swallowHTTP(b *testing.B) string {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Content-Type", contentType)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

type swallow struct {
	coltrace.UnimplementedTraceServiceServer
}

func (swallow) Export(context.Context, *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	return &coltrace.ExportTraceServiceResponse{}, nil
}

func swallowGRPC(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(server, swallow{})
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	b.Cleanup(func() { server.Stop(); <-done })
	return "http://" + l.Addr().String()
}
