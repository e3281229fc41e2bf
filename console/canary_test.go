package console

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// canaries are texts with a secret each, which all contain the same word.
func canaries() []string {
	const secret = "C4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n4ry"
	return []string{
		"password=" + secret,
		"passwd: " + secret,
		"api_key=" + secret + " rejected",
		`{"token":"` + secret + `"}`,
		"Authorization: Bearer " + secret,
		"GET https://shop.example/?token=" + secret + "&page=2",
		"https://admin:" + secret + "@shop.example/",
		"postgres://admin:" + secret + "@db:5432/shop?sslmode=disable",
		"admin:" + secret + "@tcp(db:3306)/shop",
		"ghp_" + secret,
		"https://bucket.example/x?X-Amz-Signature=" + secret,
		"Set-Cookie: session=" + secret + "; HttpOnly",
		"-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----",
		"client_secret=" + secret,
		"connect: dsn=user=admin password='" + secret + "' host=db",
		"customer_iban=" + secret, // by OTELMON_REDACT_KEYS, as is the next
		`{"kontonr": "` + secret + `"}`,
	}
}

// TestPlantedSecretsAreShownNowhere plants secrets wherever telemetry has text,
// also at the place where long values are cut, and looks for them on every page
// and in every answer.
func TestPlantedSecretsAreShownNowhere(t *testing.T) {
	t.Setenv("OTELMON_CANARY", canaries()[0])
	r := newRig(t, Options{})
	for i, text := range canaries() {
		for _, text := range []string{text, strings.Repeat("x", 2035) + " " + text, strings.Repeat("x", 480) + " " + text} {
			r.plant(t, fmt.Sprint("op", i), text)
		}
	}
	list := json.NewDecoder(get(r.Handler(), "/api/traces?limit=500").Body)
	var traces struct {
		Traces []struct {
			TraceID string `json:"trace_id"`
		}
	}
	if err := list.Decode(&traces); err != nil || len(traces.Traces) < len(canaries()) {
		t.Fatalf("%d traces, %v", len(traces.Traces), err)
	}
	targets := []string{"/api/logs?limit=500", "/logs?limit=500", "/api/operations?limit=500", "/api/metrics", "/login"}
	for name := range pages() {
		targets = append(targets, "/"+name)
	}
	for name := range endpoints() {
		targets = append(targets, "/"+name)
	}
	for _, one := range traces.Traces {
		targets = append(targets, "/traces/"+one.TraceID, "/api/traces/"+one.TraceID)
	}
	asked := 0
	for _, target := range targets {
		if strings.Contains(target, "{") {
			continue
		}
		w := get(r.Handler(), target)
		if w.Code == 200 {
			asked++
		}
		body := w.Body.String()
		for rest := body; ; {
			i := strings.Index(rest, "C4n")
			if i < 0 {
				break
			}
			t.Errorf("%s shows %q", target, rest[max(0, i-60):min(len(rest), i+40)])
			rest = rest[i+3:]
		}
	}
	if asked < 2*len(canaries()) {
		t.Errorf("only %d answers", asked)
	}
}

func (r *rig) plant(t *testing.T, name, text string) {
	t.Helper()
	attrs := []attribute.KeyValue{
		attribute.String("note", text), attribute.StringSlice("notes", []string{"fine", text}),
		attribute.String("db.password", "C4n4ry"), attribute.Int("user.pin", 1234), attribute.String("X-Api-Key", "C4n4ry"),
		attribute.String("Customer-IBAN", "C4n4ry"), attribute.StringSlice("shop.customer.iban", []string{"C4n4ry"}),
	}
	ctx, span := r.Span(t.Context(), name+" "+text)
	span.SetAttributes(attrs...)
	span.AddEvent(text)
	span.SetStatus(codes.Error, text)
	span.End()
	r.Log(ctx, log.SeverityError, "", text, attrs...)
	r.Change(t, name, "healthy", "unhealthy", text)
	opCtx, op := r.Bulk(t.Context(), "bulk "+name, attribute.String(keys.BulkOperationID, name))
	r.Log(opCtx, log.SeverityWarn, keys.EventBulkItemFailed, text, attribute.String(keys.BulkOperationID, name))
	op.SetStatus(codes.Error, text)
	op.End()
	c, err := r.Meter().Int64Counter("shop.calls", metric.WithDescription(text))
	if err != nil {
		t.Fatal(err)
	}
	c.Add(ctx, 1, metric.WithAttributes(attribute.String("target", text), attribute.String("customer.iban", "C4n4ry")))
}
