package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
)

func TestFindingsLeadToTheirEvidence(t *testing.T) {
	r := newRig(t, Options{})
	id := r.fill(t, "x y")
	h := r.Handler()
	for _, tc := range []struct{ sort, ref, want string }{
		{diagnosis.ByTrace, id, id},
		{diagnosis.ByLog, "x y", "x y"},
		{diagnosis.ByMetric, "shop.io {x y=x y}", `data-title="shop.io"`},
		{diagnosis.ByCheck, "x y", `id="check-x y"`},
		{diagnosis.ByOperation, "x y", `id="op-x y"`},
		{diagnosis.ByRuntime, "goroutines", `data-title="Goroutines"`},
	} {
		href := evidenceHref("/", diagnosis.Window{}, diagnosis.Evidence{Type: tc.sort, Ref: tc.ref})
		address, fragment, hasFragment := strings.Cut(href, "#")
		w := get(h, address)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), tc.want) {
			t.Errorf("%s %s: %s answers %d without %s", tc.sort, tc.ref, href, w.Code, tc.want)
		}
		if hasFragment {
			at, err := url.PathUnescape(fragment)
			if err != nil || !strings.Contains(w.Body.String(), `id="`+at+`"`) {
				t.Errorf("%s: nothing has this id", href)
			}
		}
	}
}

// Who looks within a second of each other shares a diagnosis.
func TestOverviewShowsTheDiagnosis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		_, s := r.Span(t.Context(), "GET /")
		s.End()
		h := r.Handler()
		isFine := func() {
			t.Helper()
			if body := get(h, "/").Body.String(); !strings.Contains(body, "Nothing wrong was found") {
				t.Errorf("%s", body)
			}
		}
		isFine()
		r.Status(t, map[string]string{"db": store.StateUnhealthy}, store.StateUnhealthy)
		r.Change(t, "db", store.StateHealthy, store.StateUnhealthy, "connection refused")
		if body := get(h, "/api/diagnosis?component=db&limit=1").Body.String(); !strings.Contains(body, diagnosis.KindDependencyDown) {
			t.Errorf("%s", body)
		}
		isFine()
		time.Sleep(diagnosisAge) //nolint:forbidigo // in a bubble
		body := get(h, "/").Body.String()
		for _, want := range []string{wordsOf(diagnosis.KindDependencyDown), "connection refused", `href="./health#check-db"`} {
			if !strings.Contains(body, want) {
				t.Errorf("no %s in %s", want, body)
			}
		}
	})
}

func TestEveryKindHasATitle(t *testing.T) {
	if got := wordsOf(diagnosis.KindNPlusOne); got != "N plus one" {
		t.Errorf("%q", got)
	}
	if !slices.Equal([]string{severityTone(diagnosis.Critical), severityTone(diagnosis.Warning), severityTone(diagnosis.Info)}, []string{"bad", "warn", "info"}) {
		t.Error("severities look alike")
	}
}
