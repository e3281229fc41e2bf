package bulk

import (
	"testing"
	"time"
)

func TestSentences(t *testing.T) {
	tests := []struct {
		s    Snapshot
		want string
	}{
		{Snapshot{Name: "a", Total: Unknown, ETA: Unknown, OK: 1, Rate: 0.25}, "a: 1 item, 0.25/s"},
		{Snapshot{Name: "a", Total: 0, ETA: Unknown}, "a: 0 of 0 items (100%), 0/s"},
		{Snapshot{Name: "a", Total: 1000, OK: 999, Rate: 2e6, ETA: 0}, "a: 999 of 1000 items (99%), 2.0M/s, about 0s left"},
		{Snapshot{Name: "a", Total: 5, OK: 7, ETA: Unknown, Rate: 150}, "a: 7 items where 5 were expected, 150/s"},
		{Snapshot{Name: "a", Total: 9, OK: 3, ETA: Unknown, Stalled: true, Idle: 42 * time.Second}, "a: 3 of 9 items (33%), stalled for 42s"},
		{
			Snapshot{Name: "a", Total: 9, OK: 9, ETA: Unknown, Result: Completed, Elapsed: 90 * time.Second, Rate: 0.1},
			"a completed after 1m30s: 9 items, 0.1/s",
		},
		{
			Snapshot{Name: "a", Total: 9, OK: 2, Failed: 1, ETA: Unknown, Result: Canceled, Elapsed: 1500 * time.Millisecond, Rate: 2, Bytes: 1536},
			"a canceled after 1.5s: 3 of 9 items (33%), 1 failed, 1.5 KiB, 2/s",
		},
	}
	for _, tt := range tests {
		if got := tt.s.String(); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 350*time.Millisecond + 123: "350ms", 1500 * time.Millisecond: "1.5s", 42 * time.Second: "42s",
		59600 * time.Millisecond: "1m00s", 185 * time.Second: "3m05s", 2*time.Hour + 7*time.Minute: "2h07m", 76 * time.Hour: "3d04h",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 5 << 20: "5.0 MiB", 1 << 62: "4.0 EiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}
