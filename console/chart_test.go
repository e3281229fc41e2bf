package console

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

func TestChartIsItsTable(t *testing.T) {
	newest := time.Date(2026, 1, 1, 12, 0, 0, 900e6, time.UTC)
	c := chartOf("io", "io", "By/s", newest, time.Minute, line{"long", []store.Number{1024, store.Unknown(), 0.123456789}}, line{"short", []store.Number{5}})
	if len(c.Rows) != 3 || c.Rows[2].Unix != newest.Unix() || c.Rows[0].Unix != newest.Unix()-120 {
		t.Fatalf("%+v", c.Rows)
	}
	for i, want := range [][2]chartCell{{{"1024", "1 KiB/s"}, {"", "–"}}, {{"", "–"}, {"", "–"}}, {{"0.123457", "0.12 B/s"}, {"5", "5 B/s"}}} {
		for j := range want {
			if got := c.Rows[i].Cells[j]; got != want[j] {
				t.Errorf("row %d, cell %d: %q, want %q", i, j, got, want[j])
			}
		}
	}
}

func TestChartsReachBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		g, err := r.Meter().Int64Gauge("shop.load")
		if err != nil {
			t.Fatal(err)
		}
		g.Record(t.Context(), 1)
		<-time.After(61*time.Minute + time.Second)
		h := r.Handler()
		for path, want := range map[string]int{
			"/runtime": 180 * len(r.Runtime().Figures), "/metrics?name=shop.load": 180, "/metrics?name=shop.load&window=1h": 60, "/metrics?name=shop.load&window=6h": 61,
		} {
			w := get(h, path)
			if got := strings.Count(w.Body.String(), `<tr><th scope="row"`); got != want {
				t.Errorf("%s: %d rows, want %d", path, got, want)
			}
		}
		if body := get(h, "/runtime?window=1h&live=0").Body.String(); !strings.Contains(body, `href="?live=0&amp;window=6h">`) {
			t.Errorf("no way to six hours that stays paused: %s", body[:2000])
		}
		if body := get(h, "/runtime?window=long").Body.String(); !strings.Contains(body, "want a duration such as 6h") {
			t.Error("a window that is none is not told")
		}
	})
}
