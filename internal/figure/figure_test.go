package figure

import (
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		Seconds(0):                       "0 s",
		Seconds(0.000000012):             "12 ns",
		Seconds(0.0123456):               "12.3 ms",
		Seconds(-1.5):                    "−1.5 s",
		Seconds(61):                      "1 min 01 s",
		Seconds(3 * 86400):               "3 d 00 h",
		Seconds(store.Unknown()):         "–",
		Bytes(1536):                      "1.5 KiB",
		Bytes(store.Unknown()):           "–",
		Count(1234567):                   "1\u2009234\u2009567",
		Count(0.5):                       "0.5",
		Count(store.Unknown()):           "–",
		Percent(0.999):                   "99 %",
		Percent(1):                       "100 %",
		Percent(store.Unknown()):         "–",
		Value(2, "By/s"):                 "2 B/s",
		Value(3, "{item}"):               "3",
		Value(3, "ms"):                   "3 ms",
		Measure("x.timestamp", "1", 5):   "5",
		Measure("x.duration", "s", 0.25): "250 ms",
		Ago(500 * time.Millisecond):      "now",
		Ago(90 * time.Minute):            "1 h ago",
		Ago(49 * time.Hour):              "2 d ago",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
