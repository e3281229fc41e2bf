package checkers

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/health"
)

func TestDiskThresholds(t *testing.T) {
	const gib = 1 << 30
	for name, tc := range map[string]struct {
		o           DiskSpaceOptions
		free, total uint64
		want        health.State
	}{
		"plenty":           {DiskSpaceOptions{}, 50 * gib, 100 * gib, health.StateHealthy},
		"at a tenth":       {DiskSpaceOptions{}, 10 * gib, 100 * gib, health.StateHealthy},
		"below a tenth":    {DiskSpaceOptions{}, 10*gib - 1, 100 * gib, health.StateDegraded},
		"below 3 %":        {DiskSpaceOptions{}, 3*gib - 1, 100 * gib, health.StateUnhealthy},
		"full":             {DiskSpaceOptions{}, 0, 100 * gib, health.StateUnhealthy},
		"bytes":            {DiskSpaceOptions{DegradedBytes: 5 * gib, UnhealthyBytes: gib}, 5 * gib, 1000 * gib, health.StateHealthy},
		"degraded bytes":   {DiskSpaceOptions{DegradedBytes: 5 * gib, UnhealthyBytes: gib}, 4 * gib, 5 * gib, health.StateDegraded},
		"unhealthy bytes":  {DiskSpaceOptions{DegradedBytes: 5 * gib, UnhealthyBytes: gib}, gib - 1, gib, health.StateUnhealthy},
		"the worse counts": {DiskSpaceOptions{DegradedBytes: 1, UnhealthyRatio: 0.5}, 4, 10, health.StateUnhealthy},
		"unhealthy only":   {DiskSpaceOptions{UnhealthyBytes: 5}, 6, 100, health.StateHealthy},
		"no size":          {DiskSpaceOptions{}, 0, 0, health.StateUnhealthy},
		"huge":             {DiskSpaceOptions{}, math.MaxUint64, math.MaxUint64, health.StateHealthy},
	} {
		if fault := tc.o.fault(); fault != "" {
			t.Errorf("%s: %s", name, fault)
		}
		if got := stateOf(t, tc.o.withDefaults().judge(t.Context(), tc.free, tc.total)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestDiskOptionFaults(t *testing.T) {
	for _, o := range []DiskSpaceOptions{
		{DegradedRatio: 1.5},
		{UnhealthyRatio: -0.1},
		{DegradedRatio: math.NaN()},
		{DegradedRatio: 0.1, UnhealthyRatio: 0.2},
		{DegradedBytes: 1, UnhealthyBytes: 2},
	} {
		if err := DiskSpace(t.TempDir(), o)(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "disk space checker: ") {
			t.Errorf("%+v: error %v", o, err)
		}
	}
}

func TestRealDisk(t *testing.T) {
	switch runtime.GOOS {
	case "linux", "darwin", "windows":
	default:
		if err := DiskSpace(".", DiskSpaceOptions{})(t.Context()); err == nil || !strings.Contains(err.Error(), "not supported on "+runtime.GOOS) {
			t.Errorf("error %v", err)
		}
		return
	}
	dir := t.TempDir()
	got := expect(t, DiskSpace(dir, DiskSpaceOptions{UnhealthyBytes: 1}), health.StateHealthy, "")
	free, _ := got.Details.Value("disk.free")
	ratio, _ := got.Details.Value("disk.free_ratio")
	if free.AsInt64() <= 0 || ratio.AsFloat64() <= 0 || ratio.AsFloat64() > 1 {
		t.Errorf("%d bytes free, ratio %v", free.AsInt64(), ratio.AsFloat64())
	}
	expect(t, DiskSpace(dir, DiskSpaceOptions{UnhealthyBytes: math.MaxUint64}), health.StateUnhealthy, "")
	if got := expect(t, DiskSpace(dir+"/none", DiskSpaceOptions{}), health.StateUnhealthy, ""); !strings.Contains(got.Message, dir+"/none") {
		t.Errorf("message %q does not name the path", got.Message)
	}
}
