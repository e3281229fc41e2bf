package main

import (
	"context"
	"testing"
)

// The pairs of the command, for profiles and benchstat. Compare otelmon with
// other within one run only.
func BenchmarkPairs(b *testing.B) {
	benchmark(b, withoutSDK())
	ctx := context.Background()
	early := newCounter("bench.early")
	mon, err := startOurs(ctx)
	if err != nil {
		b.Fatal(err)
	}
	raw := startRaw()
	for _, group := range groups(mon, raw, early) {
		benchmark(b, group())
	}
	if err := mon.Shutdown(ctx); err != nil {
		b.Error(err)
	}
	if err := raw.shutdown(ctx); err != nil {
		b.Error(err)
	}
}

func benchmark(b *testing.B, pairs []pair) {
	b.Helper()
	for _, p := range pairs {
		b.Run(p.name+"/otelmon", func(b *testing.B) {
			b.ReportAllocs()
			p.ours(b.N)
		})
		b.Run(p.name+"/other", func(b *testing.B) {
			b.ReportAllocs()
			p.other(b.N)
		})
		if p.close != nil {
			p.close()
		}
	}
}
