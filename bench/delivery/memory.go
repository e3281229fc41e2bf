package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/exporters"
)

const (
	memoryArgument = "flood-memory"

	hugeSpans = 512
	hugeBytes = 1 << 20

	// What may live: a full queue (16 MiB), a batch being encoded, the ring
	// (32 MiB), a request being sent; and as much again until it is collected.
	memoryBound = 256e6
)

// memory makes spans of a mebibyte each while the backend is away.
func memory(ctx context.Context, t *table, dir string) error {
	peaks := map[string]float64{}
	for _, way := range []string{"batcher", "memory", "directory"} {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, memoryArgument, way, filepath.Join(dir, way))
		cmd.Stderr = os.Stderr
		answer, err := cmd.Output()
		if err != nil {
			return err
		}
		var peak float64
		if err := json.Unmarshal(answer, &peak); err != nil {
			return err
		}
		peaks[way] = peak
		if way == "batcher" {
			continue
		}
		t.add(figure{
			what: fmt.Sprintf("memory after %d spans of 1 MiB, no backend, %s (BatchSpanProcessor)", hugeSpans, way),
			ours: megabytes(peak), other: megabytes(peaks["batcher"]), ratio: peak / peaks["batcher"],
			most: memoryBound / peaks["batcher"], bound: "≤ " + megabytes(memoryBound),
		})
	}
	return nil
}

// flood is the child process. It prints the most memory it had from the system.
func flood(ctx context.Context, out io.Writer, way, dir string) error {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	vacant, err := vacantURL(ctx)
	if err != nil {
		return err
	}
	var processor sdktrace.SpanProcessor
	if way == "batcher" {
		exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(vacant))
		if err != nil {
			return err
		}
		processor = sdktrace.NewBatchSpanProcessor(exporter)
	} else {
		o := exporters.Options{Destinations: to(vacant), MaxValue: hugeBytes}
		if way == "directory" {
			o.Dir = dir
		}
		box, err := exporters.Open(ctx, o)
		if err != nil {
			return err
		}
		processor = box.SpanProcessor()
	}
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor)).Tracer("flood")
	peak := 0.0
	for range hugeSpans {
		_, span := tracer.Start(ctx, spanName, trace.WithAttributes(attribute.String("huge", strings.Repeat("x", hugeBytes))))
		span.End()
		peak = max(peak, resident())
		<-time.After(2 * time.Millisecond)
	}
	return json.NewEncoder(out).Encode(peak) // and the process ends
}

// resident is what the runtime has from the system and has not given back.
func resident() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
