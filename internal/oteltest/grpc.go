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
)

func (r *Receiver) grpcServer(opts []grpc.ServerOption) *grpc.Server {
	s := grpc.NewServer(append(opts, grpc.UnaryInterceptor(r.intercept))...)
	coltrace.RegisterTraceServiceServer(s, traceService{receiver: r})
	colmetrics.RegisterMetricsServiceServer(s, metricsService{receiver: r})
	collogs.RegisterLogsServiceServer(s, logsService{receiver: r})
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
	fault := r.current()
	if fault.Hang {
		r.keep(got)
		r.hang(ctx)
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if fault.Code != codes.OK {
		r.keep(got)
		return nil, status.Error(fault.Code, fault.Message)
	}
	got.Accepted = true
	switch m := message.(type) {
	case *coltrace.ExportTraceServiceRequest:
		got.Traces = m
	case *colmetrics.ExportMetricsServiceRequest:
		got.Metrics = m
	case *collogs.ExportLogsServiceRequest:
		got.Logs = m
	}
	r.keep(got)
	return next(ctx, message)
}

type traceService struct {
	coltrace.UnimplementedTraceServiceServer

	receiver *Receiver
}

// Export implements [coltrace.TraceServiceServer].
func (s traceService) Export(context.Context, *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	return tracesAnswer(s.receiver.current()), nil
}

type metricsService struct {
	colmetrics.UnimplementedMetricsServiceServer

	receiver *Receiver
}

// Export implements [colmetrics.MetricsServiceServer].
func (s metricsService) Export(context.Context, *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	return metricsAnswer(s.receiver.current()), nil
}

type logsService struct {
	collogs.UnimplementedLogsServiceServer

	receiver *Receiver
}

// Export implements [collogs.LogsServiceServer].
func (s logsService) Export(context.Context, *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	return logsAnswer(s.receiver.current()), nil
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
