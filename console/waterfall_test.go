package console

import (
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/internal/figure"
)

func TestRulerMarksRoundTimes(t *testing.T) {
	for whole, want := range map[float64]string{
		0:      "0 s",
		35.2:   "0 s, 10 s, 20 s, 30 s",
		0.023:  "0 s, 5 ms, 10 ms, 15 ms, 20 ms",
		0.0203: "0 s, 5 ms, 10 ms, 15 ms", // 20 ms would have no room for its text
		1e-6:   "0 s, 200 ns, 400 ns, 600 ns, 800 ns",
		61:     "0 s, 15 s, 30 s, 45 s",
		4000:   "0 s, 15 min 00 s, 30 min 00 s, 45 min 00 s, 1 h 00 min",
		1e7:    "0 s, 30 d 00 h, 60 d 00 h, 90 d 00 h",
	} {
		var got []string
		for _, m := range ruler(whole) {
			got = append(got, figure.Seconds(m.Seconds))
			if m.X < 0 || m.X > barWidth || (m.X > 0 && m.X/barWidth*whole-float64(m.Seconds) > 1e-9*whole) {
				t.Errorf("%v: mark at %v is %v", whole, m.X, m.Seconds)
			}
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%v: %s, want %s", whole, s, want)
		}
	}
}
