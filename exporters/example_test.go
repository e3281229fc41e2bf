package exporters_test

import (
	"context"
	"errors"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func Example() {
	receiver, err := oteltest.Start(oteltest.Options{}) // stands for a collector
	if err != nil {
		fmt.Println(err)
		return
	}
	defer receiver.Close()

	ctx := context.Background()
	endpoint := exporters.Endpoint{URL: receiver.HTTPURL(), Compression: exporters.CompressionGzip}
	box, err := exporters.Open(ctx, exporters.Options{Destinations: []exporters.Destination{exporters.To(endpoint)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(box.SpanProcessor()))
	_, span := provider.Tracer("example").Start(ctx, "charge-card")
	span.End()
	if err := errors.Join(provider.Shutdown(ctx), box.Close(ctx)); err != nil {
		fmt.Println(err)
	}
	account := box.Status().Accounts[exporters.Traces]
	fmt.Println(account.Created, "created,", account.Delivered, "delivered")
	// Output: 1 created, 1 delivered
}

func ExampleEndpoint_Validate() {
	endpoint := exporters.Endpoint{URL: "localhost:4317", Compression: "zstd"}
	fmt.Println(endpoint.Validate())
	// Output:
	// compression "zstd" is unknown; write gzip or none
	// URL "localhost:4317" has no scheme; write http://localhost:4317
	// URL localhost:4317 has the port of OTLP over gRPC, but the protocol is http/protobuf; write port 4318 or set the protocol to grpc
}
