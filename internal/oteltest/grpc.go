package oteltest

import (
	"context"
	"net/http"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // lets the server read compressed requests
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func (r *Receiver) grpcServer(opts []grpc.ServerOption) *grpc.Server {
	s := grpc.NewServer(append(opts, grpc.UnaryInterceptor(r.intercept))...)
	coltrace.RegisterTraceServiceServer(s, traceService{})
	colmetrics.RegisterMetricsServiceServer(s, metricsService{})
	collogs.RegisterLogsServiceServer(s, logsService{})
	return s
}

// intercept keeps the request and plays the fault before the service answers.
func (r *Receiver) intercept(ctx context.Context, message any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	got := Request{Protocol: "grpc", Path: info.FullMethod, Header: http.Header{}}
	for name, values := range md {
		for _, value := range values {
			got.Header.Add(name, value)
		}
	}
	content := got
	content.Accepted = true
	switch m := message.(type) {
	case *coltrace.ExportTraceServiceRequest:
		content.Traces, content.Size = m, proto.Size(m)
	case *colmetrics.ExportMetricsServiceRequest:
		content.Metrics, content.Size = m, proto.Size(m)
	case *collogs.ExportLogsServiceRequest:
		content.Logs, content.Size = m, proto.Size(m)
	}
	got.Size = content.Size
	fault := r.faultFor(content)
	if fault.Hang {
		r.keep(got)
		r.hang(ctx)
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if fault.Code != codes.OK {
		r.keep(got)
		return nil, fault.refusal()
	}
	r.keep(content)
	return next(context.WithValue(ctx, met{}, fault), message)
}

// met is the key of the fault that a call met.
type met struct{}

func faultOf(ctx context.Context) Fault {
	fault, _ := ctx.Value(met{}).(Fault)
	return fault
}

type traceService struct {
	coltrace.UnimplementedTraceServiceServer
}

// Export implements [coltrace.TraceServiceServer].
func (traceService) Export(ctx context.Context, _ *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	return tracesAnswer(faultOf(ctx)), nil
}

type metricsService struct {
	colmetrics.UnimplementedMetricsServiceServer
}

// Export implements [colmetrics.MetricsServiceServer].
func (metricsService) Export(ctx context.Context, _ *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	return metricsAnswer(faultOf(ctx)), nil
}

type logsService struct {
	collogs.UnimplementedLogsServiceServer
}

// Export implements [collogs.LogsServiceServer].
func (logsService) Export(ctx context.Context, _ *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	return logsAnswer(faultOf(ctx)), nil
}

func tracesAnswer(f Fault) *coltrace.ExportTraceServiceResponse {
	if f.Rejected == 0 && f.Message == "" {
		return &coltrace.ExportTraceServiceResponse{}
	}
	return &coltrace.ExportTraceServiceResponse{
		PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: f.Rejected, ErrorMessage: f.Message},
	}
}

func metricsAnswer(f Fault) *colmetrics.ExportMetricsServiceResponse {
	if f.Rejected == 0 && f.Message == "" {
		return &colmetrics.ExportMetricsServiceResponse{}
	}
	return &colmetrics.ExportMetricsServiceResponse{
		PartialSuccess: &colmetrics.ExportMetricsPartialSuccess{RejectedDataPoints: f.Rejected, ErrorMessage: f.Message},
	}
}

func logsAnswer(f Fault) *collogs.ExportLogsServiceResponse {
	if f.Rejected == 0 && f.Message == "" {
		return &collogs.ExportLogsServiceResponse{}
	}
	return &collogs.ExportLogsServiceResponse{
		PartialSuccess: &collogs.ExportLogsPartialSuccess{RejectedLogRecords: f.Rejected, ErrorMessage: f.Message},
	}
}
