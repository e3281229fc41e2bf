package exporters_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func ExampleEndpoint() {
	receiver, err := oteltest.Start(oteltest.Options{}) // stands for a collector
	if err != nil {
		fmt.Println(err)
		return
	}
	defer receiver.Close()

	ctx := context.Background()
	endpoint := exporters.Endpoint{URL: receiver.HTTPURL(), Compression: exporters.CompressionGzip}
	spans, err := endpoint.Traces(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	var sent exporters.Delivery
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(sent.Traces(spans)))
	_, span := provider.Tracer("example").Start(ctx, "charge-card")
	span.End()
	if err := provider.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(sent.Snapshot().Delivered, "delivered,", sent.Snapshot().Failed, "failed")
	// Output: 1 delivered, 0 failed
}

func ExampleEndpoint_Validate() {
	endpoint := exporters.Endpoint{URL: "localhost:4317", Compression: "zstd"}
	fmt.Println(endpoint.Validate())
	// Output:
	// compression "zstd" is unknown; write gzip or none
	// URL "localhost:4317" has no scheme; write http://localhost:4317
	// URL localhost:4317 has the port of OTLP over gRPC, but the protocol is http/protobuf; write port 4318 or set the protocol to grpc
}
