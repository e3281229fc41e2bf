package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// posted is an alert as Alertmanager gets it.
type posted struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
}

func readPosted(t *testing.T, body string) posted {
	t.Helper()
	var alerts []posted
	must(t, json.Unmarshal([]byte(body), &alerts))
	if len(alerts) != 1 {
		t.Fatalf("want one alert: %s", body)
	}
	return alerts[0]
}

// Alertmanager takes an alert for over when it does not hear of it again.
func TestAlertmanagerIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am, member := &wire{}, &wire{answer: func(*http.Request) (*http.Response, error) { return nil, errDown }}
		receiver := am.over(Alertmanager("http://am-1:9093", "http://am-2:9093/"))
		endpointOf(receiver.notifiers[1]).client.Transport = member
		db := &dial{err: errDown}
		r := watched(t, health.Check{Name: "postgres", Func: db.check, Critical: true, Interval: 2 * time.Minute})
		start := time.Now()
		begin(t, r, Options{Receivers: []Receiver{receiver}})
		advance(DefaultHold + 10*time.Minute + 2*time.Second)
		told := am.all()
		if len(told) != 11 {
			t.Fatalf("told %d times in 10 minutes, want 11", len(told))
		}
		for i, request := range told {
			a := readPosted(t, request.body)
			if want := request.at.Add(8 * time.Minute); !a.EndsAt.Equal(want) { // four times the check's interval
				t.Errorf("at %v: believed until %v, want %v", request.at, a.EndsAt, want)
			}
			if i > 0 && request.at.Sub(told[i-1].at) != resend {
				t.Errorf("told after %v", request.at.Sub(told[i-1].at))
			}
			if a.StartsAt.Sub(start) > 2*time.Second {
				t.Errorf("starts at %v", a.StartsAt)
			}
		}
		if told[0].url != "http://am-1:9093/api/v2/alerts" {
			t.Errorf("posted to %s", told[0].url)
		}
		if all := member.all(); len(all) < 5 || all[0].url != "http://am-2:9093/api/v2/alerts" || !all[0].at.Equal(told[0].at) {
			t.Errorf("the member that fails was asked %+v", all)
		}

		t.Log("a mute would read as the end")
		end := r.Maintain(time.Now().Add(time.Hour), "upgrade")
		before := len(am.all())
		advance(10 * time.Minute)
		end()
		if more := len(am.all()) - before; more != 10 {
			t.Errorf("told %d times in 10 minutes of maintenance", more)
		}

		db.set(nil)
		for r.Report().State != health.StateHealthy {
			advance(time.Second)
		}
		ended := time.Now()
		before = len(am.all())
		advance(time.Hour)
		told = am.all()[before-1:]
		if len(told) != 16 {
			t.Errorf("told %d times of the end, want 16", len(told))
		}
		for _, request := range told {
			if a := readPosted(t, request.body); a.EndsAt.After(ended) || ended.Sub(a.EndsAt) > time.Second {
				t.Errorf("ended %v, want %v", a.EndsAt, ended)
			}
		}
	})
}

// body is what a receiver posts for the alerts.
func body(t *testing.T, r Receiver, alerts ...Alert) string {
	t.Helper()
	w := &wire{}
	must(t, w.over(r).notifiers[0].Notify(t.Context(), Notification{Receiver: "me", Job: "shop", Alerts: alerts}))
	all := w.all()
	if len(all) != 1 {
		t.Fatalf("%d requests", len(all))
	}
	return all[0].body
}

func TestWebhookBody(t *testing.T) {
	a := alertOf("postgres", unhealthy, map[string]string{"reason": "error"})
	b := resolved(alertOf("cart", unhealthy, map[string]string{"reason": "error"}), a.StartsAt.Add(time.Minute))
	var indented bytes.Buffer
	must(t, json.Indent(&indented, []byte(body(t, Webhook("http://h"), a, b)), "", "  "))
	const want = `{
  "version": "4",
  "groupKey": "{}:{job=\"shop\"}",
  "truncatedAlerts": 0,
  "status": "firing",
  "receiver": "me",
  "groupLabels": {
    "job": "shop"
  },
  "commonLabels": {
    "alertname": "HealthCheckUnhealthy",
    "job": "shop",
    "severity": "critical"
  },
  "commonAnnotations": {
    "reason": "error"
  },
  "externalURL": "",
  "alerts": [
    {
      "status": "firing",
      "labels": {
        "alertname": "HealthCheckUnhealthy",
        "health_check_name": "postgres",
        "job": "shop",
        "severity": "critical"
      },
      "annotations": {
        "reason": "error",
        "summary": "critical check postgres of shop is unhealthy"
      },
      "startsAt": "2026-10-25T12:00:00Z",
      "endsAt": "0001-01-01T00:00:00Z",
      "generatorURL": "",
      "fingerprint": "10e53efee3fc237f"
    },
    {
      "status": "resolved",
      "labels": {
        "alertname": "HealthCheckUnhealthy",
        "health_check_name": "cart",
        "job": "shop",
        "severity": "critical"
      },
      "annotations": {
        "reason": "error",
        "summary": "critical check cart of shop is unhealthy"
      },
      "startsAt": "2026-10-25T12:00:00Z",
      "endsAt": "2026-10-25T12:01:00Z",
      "generatorURL": "",
      "fingerprint": "3c720b1e5a36faca"
    }
  ]
}`
	if got := indented.String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := body(t, Webhook("http://h"), b); !strings.Contains(got, `"status":"resolved","receiver"`) {
		t.Errorf("all is over, but not in %s", got)
	}
}

// The fingerprint of github.com/prometheus/common v0.72.1 for these labels.
func TestFingerprintIsPrometheus(t *testing.T) {
	a := Alert{Labels: map[string]string{"alertname": "HealthCheckUnhealthy", "job": "shop", "severity": "critical"}}
	if got := a.Fingerprint(); got != "cad601fb8778babd" {
		t.Errorf("%s", got)
	}
}

func slackBody(t *testing.T, alerts ...Alert) string {
	t.Helper()
	var message struct{ Text string }
	must(t, json.Unmarshal([]byte(body(t, Slack("https://hooks.example/x"), alerts...)), &message))
	return message.Text
}

func TestSlackMessage(t *testing.T) {
	a := alertOf("postgres", unhealthy, map[string]string{
		"description": "<!channel> & <http://evil|click>\n> second",
		"dependants":  "cart, search",
		"runbook_url": "https://runbooks.example/a?b=1&c=<x>|y",
	})
	b := resolved(alertOf("cart", stale, nil), a.StartsAt.Add(90*time.Second))
	replaced := resolved(alertOf("postgres", degraded, nil), a.StartsAt)
	const want = `:rotating_light: *firing* since 2026-10-25T12:00:00Z: critical check postgres of shop is unhealthy
> &lt;!channel&gt; &amp; &lt;http://evil|click&gt; &gt; second
> fail because of it: cart, search
> <https://runbooks.example/a?b=1&amp;c=%3Cx%3E%7Cy|runbook>
:white_check_mark: *resolved* after 1m30s: critical check cart of shop is stale`
	if got := slackBody(t, a, b, replaced); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	c := alertOf("cart", degraded, map[string]string{"summary": "<!here>"})
	if got := slackBody(t, c, resolved(alertOf("x", stale, c.Annotations), a.StartsAt)); strings.Contains(got, "<") {
		t.Errorf("the summary mentions everybody: %s", got)
	}
	if got := slackBody(t, c); !strings.HasPrefix(got, ":warning: ") {
		t.Errorf("%s", got)
	}
}

func TestSlackMessagesAreBounded(t *testing.T) {
	var alerts []Alert
	for range maxBatch {
		alerts = append(alerts, alertOf("postgres", unhealthy, map[string]string{"description": strings.Repeat("&ü", 600)}))
	}
	got := slackBody(t, alerts...)
	if len(got) > maxSlackText+20 || !strings.HasSuffix(got, " more") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-20:])
	}
}

func TestSlogRecords(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	a := alertOf("postgres", unhealthy, map[string]string{"description": "down"})
	alerts := []Alert{a, alertOf("cart", degraded, nil), resolved(alertOf("x", stale, nil), a.StartsAt), resolved(alertOf("cart", unhealthy, nil), a.StartsAt)}
	must(t, Slog(logger).notifiers[0].Notify(context.Background(), Notification{Alerts: alerts}))
	const want = `level=ERROR msg="firing: critical check postgres of shop is unhealthy" since=2026-10-25T12:00:00.000Z alertname=HealthCheckUnhealthy health_check_name=postgres job=shop severity=critical description=down
level=WARN msg="firing: critical check cart of shop is degraded" since=2026-10-25T12:00:00.000Z alertname=HealthCheckDegraded health_check_name=cart job=shop severity=warning
level=INFO msg="resolved: critical check x of shop is stale" since=2026-10-25T12:00:00.000Z alertname=HealthCheckStale health_check_name=x job=shop severity=critical
`
	if got := out.String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
