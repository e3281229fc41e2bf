package otelmon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/processconv"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// usage is what the operating system says of this process. A field that the
// platform does not tell is negative and not reported.
type usage struct {
	userSeconds, systemSeconds  float64
	residentBytes, virtualBytes int64
	fileDescriptors             int64
}

func unknownUsage() usage { return usage{-1, -1, -1, -1, -1} }

// observeProcess reports the process metrics of the semantic conventions:
//
//	process.cpu.time                    s             by cpu.mode
//	process.memory.usage                By            resident (linux)
//	process.memory.virtual              By            linux
//	process.unix.file_descriptor.count  {file_descriptor}
//	process.uptime                      s
func observeProcess(mp metric.MeterProvider, started time.Time) error {
	m := mp.Meter(keys.ScopeOtelmon)
	cpu, err1 := processconv.NewCPUTime(m)
	resident, err2 := processconv.NewMemoryUsageObservable(m)
	virtual, err3 := processconv.NewMemoryVirtualObservable(m)
	fds, err4 := processconv.NewUnixFileDescriptorCountObservable(m)
	uptime, err5 := processconv.NewUptimeObservable(m)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return fmt.Errorf("process metrics: %w", err)
	}
	user := metric.WithAttributes(cpu.AttrCPUMode(processconv.CPUModeUser))
	system := metric.WithAttributes(cpu.AttrCPUMode(processconv.CPUModeSystem))
	_, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		u := readUsage()
		if u.userSeconds >= 0 {
			o.ObserveFloat64(cpu.Inst(), u.userSeconds, user)
			o.ObserveFloat64(cpu.Inst(), u.systemSeconds, system)
		}
		for inst, v := range map[metric.Int64Observable]int64{
			resident.Inst(): u.residentBytes, virtual.Inst(): u.virtualBytes, fds.Inst(): u.fileDescriptors,
		} {
			if v >= 0 {
				o.ObserveInt64(inst, v)
			}
		}
		o.ObserveFloat64(uptime.Inst(), time.Since(started).Seconds())
		return nil
	}, cpu.Inst(), resident.Inst(), virtual.Inst(), fds.Inst(), uptime.Inst())
	if err != nil {
		return fmt.Errorf("process metrics: %w", err)
	}
	return nil
}
