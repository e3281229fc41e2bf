package health

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDiskThresholds(t *testing.T) {
	const gib = 1 << 30
	for name, tc := range map[string]struct {
		o           DiskSpaceOptions
		free, total uint64
		want        State
	}{
		"plenty":           {DiskSpaceOptions{}, 50 * gib, 100 * gib, StateHealthy},
		"at a tenth":       {DiskSpaceOptions{}, 10 * gib, 100 * gib, StateHealthy},
		"below a tenth":    {DiskSpaceOptions{}, 10*gib - 1, 100 * gib, StateDegraded},
		"below 3 %":        {DiskSpaceOptions{}, 3*gib - 1, 100 * gib, StateUnhealthy},
		"full":             {DiskSpaceOptions{}, 0, 100 * gib, StateUnhealthy},
		"bytes":            {DiskSpaceOptions{DegradedBytes: 5 * gib, UnhealthyBytes: gib}, 5 * gib, 1000 * gib, StateHealthy},
		"degraded bytes":   {DiskSpaceOptions{DegradedBytes: 5 * gib, UnhealthyBytes: gib}, 4 * gib, 5 * gib, StateDegraded},
		"unhealthy bytes":  {DiskSpaceOptions{DegradedBytes: 5 * gib, UnhealthyBytes: gib}, gib - 1, gib, StateUnhealthy},
		"the worse counts": {DiskSpaceOptions{DegradedBytes: 1, UnhealthyRatio: 0.5}, 4, 10, StateUnhealthy},
		"unhealthy only":   {DiskSpaceOptions{UnhealthyBytes: 5}, 6, 100, StateHealthy},
		"no size":          {DiskSpaceOptions{}, 0, 0, StateUnhealthy},
		"huge":             {DiskSpaceOptions{}, math.MaxUint64, math.MaxUint64, StateHealthy},
	} {
		if fault := tc.o.fault(); fault != "" {
			t.Errorf("%s: %s", name, fault)
		}
		if got := judge(t.Context(), tc.o.withDefaults().judge(t.Context(), tc.free, tc.total)); got.state != tc.want {
			t.Errorf("%s: %s, want %s", name, got.state, tc.want)
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
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{},
			Check{Name: "disk", Func: DiskSpace(dir, DiskSpaceOptions{UnhealthyBytes: 1})},
			Check{Name: "full", Func: DiskSpace(dir, DiskSpaceOptions{UnhealthyBytes: math.MaxUint64})},
			Check{Name: "none", Func: DiskSpace(dir+"/none", DiskSpaceOptions{})})
		advance(time.Second)
		got := expect(t, r, "disk", StateHealthy, "")
		free, _ := got.Details.Value("disk.free")
		ratio, _ := got.Details.Value("disk.free_ratio")
		if free.AsInt64() <= 0 || ratio.AsFloat64() <= 0 || ratio.AsFloat64() > 1 {
			t.Errorf("%d bytes free, ratio %v", free.AsInt64(), ratio.AsFloat64())
		}
		expect(t, r, "full", StateUnhealthy, ReasonError)
		if got := expect(t, r, "none", StateUnhealthy, ReasonError); !strings.Contains(got.Message, dir+"/none") {
			t.Errorf("message %q does not name the path", got.Message)
		}
	})
}
