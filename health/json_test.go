package health

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The format of draft-inadarei-api-health-check-06: pass and warn below 400, fail
// above; words only where they are allowed.
func TestHealthJSONAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mixed(t)
		advance(800 * time.Millisecond)
		const note = `"notes":["messages and details are withheld; the program allows them with health.ShowDetails"]`
		for _, tc := range []struct {
			handler http.Handler
			target  string
			code    int
			want    string
		}{
			{r.Handler(), "/livez", 200, `{"status":"pass"}`},
			{r.Handler(), "/readyz", 503, `{"status":"fail",` + note + `,"checks":{"cache":[{"status":"warn","output":"error"}],` +
				`"db":[{"status":"fail","output":"error"}],"late":[{"status":"pass"}],"queue":[{"status":"pass"}]}}`},
			{r.Handler(), "/readyz?exclude=db", 200, `{"status":"warn"}`},
			{r.Handler(ShowDetails(everyone)), "/readyz?exclude=queue&exclude=late&exclude=x", 503, `{"status":"fail",` +
				`"notes":["some health checks cannot be excluded: no matches for \"x\""],"checks":{` +
				`"cache":[{"status":"warn","output":"error: cold\n[+]forged ok","time":"2000-01-01T00:00:00.5Z","observedValue":0,"observedUnit":"s"}],` +
				`"db":[{"status":"fail","output":"error: dial postgres://app:***@db.internal:5432/shop: refused","time":"2000-01-01T00:00:00.5Z",` +
				`"observedValue":0,"observedUnit":"s","links":{"describedby":"https://runbooks.example/db"}}]}}`},
		} {
			got := get(t, tc.handler, tc.target, "application/health+json")
			if body := strings.TrimSpace(got.Body.String()); got.Code != tc.code || body != tc.want {
				t.Errorf("%s: %d\n%s\nwant %d\n%s", tc.target, got.Code, body, tc.code, tc.want)
			}
			if kind := got.Header().Get("Content-Type"); kind != "application/health+json" || got.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", got.Header())
			}
		}
		r.Drain()
		if got, want := get(t, r.Handler(), "/readyz?exclude=db", "application/health+json").Body.String(), `"output":"draining",`; !strings.Contains(got, want) {
			t.Errorf("draining: %s, want %s", got, want)
		}
	})
}
