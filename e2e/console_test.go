package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	otelmetric "go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/loopback"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

// consolePage is a console with one of everything, and a browser that looks at it.
type consolePage struct {
	*browser
	*taptest.Rig
	handler http.Handler
	server  *http.Server
	addr    string
	trace   string // of one with a failure
}

const consoleRoot = "/debug/otelmon/"

func openConsole(t *testing.T) *consolePage {
	t.Helper()
	b := openBrowser(t) // it skips first
	con := console.New(console.Options{MaxBytes: 256 << 20})
	c := &consolePage{browser: b, Rig: taptest.New(t, con)}
	mux := http.NewServeMux()
	mux.Handle(consoleRoot, con.Handler())
	c.handler = mux
	c.serve(loopback.Addr(t))
	t.Cleanup(func() { _ = c.server.Close() })
	c.fill()
	return c
}

func (c *consolePage) serve(addr string) {
	c.t.Helper()
	l, err := net.Listen("tcp", addr) //nolint:noctx // of this machine
	c.must(err)
	c.addr = l.Addr().String()
	c.server = &http.Server{Handler: c.handler} //nolint:gosec // for a browser of our own
	go func() { _ = c.server.Serve(l) }()
}

func (c *consolePage) url(rel string) string { return "http://" + c.addr + consoleRoot + rel }

func (c *consolePage) fill() {
	c.t.Helper()
	ctx, root := c.Span(c.t.Context(), "GET /basket")
	_, query := c.Span(ctx, "SELECT baskets")
	query.AddEvent("retry")
	query.SetStatus(codes.Error, "connection reset")
	query.End()
	c.Log(ctx, log.SeverityError, "", "the basket is not there", attribute.String("user.tier", "gold"))
	root.End()
	c.trace = root.SpanContext().TraceID().String()
	c.Status(c.t, map[string]string{"db": "unhealthy", "cache": "healthy", "disk": "degraded"}, "unhealthy")
	c.Change(c.t, "db", "healthy", "unhealthy", "connection refused")
	c.operation(c.t.Context(), "import", 400, 3)
	requests, err := c.Meter().Float64Histogram("shop.duration", otelmetric.WithUnit("s"))
	c.must(err)
	requests.Record(ctx, 0.2)
	_, err = c.Meter().Int64ObservableGauge("shop.baskets", otelmetric.WithInt64Callback(func(_ context.Context, o otelmetric.Int64Observer) error {
		o.Observe(5, otelmetric.WithAttributes(attribute.String("state", "open")))
		o.Observe(7, otelmetric.WithAttributes(attribute.String("state", "paid")))
		return nil
	}))
	c.must(err)
}

// operation starts one that goes on until the test ends.
func (c *consolePage) operation(ctx context.Context, name string, ok, failed int) {
	attrs := []attribute.KeyValue{
		attribute.String(keys.BulkOperationName, name), attribute.String(keys.BulkOperationID, name),
		attribute.Int(keys.BulkItemsTotal, 1000),
	}
	ctx, span := c.Bulk(ctx, "bulk "+name, attrs...)
	c.t.Cleanup(func() { span.End() })
	c.Log(ctx, log.SeverityInfo, keys.EventBulkProgress, name, append(attrs, attribute.Int(keys.BulkItemsOK, ok), attribute.Int(keys.BulkItemsFailed, failed),
		attribute.Float64(keys.BulkRate, 12), attribute.Float64(keys.BulkETASeconds, 50), attribute.Float64(keys.BulkETALowSeconds, 30), attribute.Float64(keys.BulkETAHighSeconds, 90))...)
}

// TestConsoleInABrowser is one test, as starting the browser takes the longest.
func TestConsoleInABrowser(t *testing.T) {
	c := openConsole(t)
	for _, step := range []struct {
		name string
		run  func()
	}{
		{"it changes in place", c.changesInPlace},
		{"pause", c.pauses},
		{"scripts off", c.worksWithoutScripts},
		{"nothing can be streamed", c.polls},
		{"the program goes away and comes back", c.reconnects},
		{"charts", c.charts}, // after the others, so that there is a history
		{"every view is clean and accessible", c.everyView},
		{"much", c.muchOfEverything},
	} {
		t.Run(step.name, func(t *testing.T) {
			c.t = t
			step.run()
		})
	}
}

func (c *consolePage) changesInPlace() {
	c.size(1280, 900)
	c.open(c.url("logs"))
	c.until(`document.querySelector("button.live")`) // the script is at work
	eval[any](c.browser, `window.mark = 1; document.querySelector(".rec").open = true; document.querySelector("input[name=q]").focus(); 0`)
	c.press("typing")
	c.Log(c.t.Context(), log.SeverityWarn, "", "another basket")
	c.until(`document.querySelector("main").innerText.includes("another basket")`)
	c.until(`window.mark === 1 && document.activeElement.name === "q" && document.activeElement.value === "typing"`)
	c.until(`document.querySelectorAll(".rec[open]").length === 1`)
	if got := eval[string](c.browser, `document.querySelector(".rec[open]").closest("tr").innerText`); strings.Contains(got, "another basket") {
		c.t.Errorf("another row is unfolded than that which was: %s", got)
	}
	c.clean("logs")
}

func (c *consolePage) pauses() {
	eval[any](c.browser, `document.querySelector("button.live").click(); 0`)
	c.until(`document.querySelector("button.paused[aria-pressed=true]")`)
	c.Log(c.t.Context(), log.SeverityWarn, "", "while nobody looks")
	eval[any](c.browser, `document.querySelector("button.paused").click(); 0`)
	c.until(`document.querySelector("main").innerText.includes("while nobody looks")`)
	c.clean("pause")
}

func (c *consolePage) worksWithoutScripts() {
	c.scripts(false)
	defer c.scripts(true)
	for _, rel := range []string{"", "health", "operations", "traces/" + c.trace, "runtime"} {
		c.open(c.url(rel))
		page := c.html()
		if !strings.Contains(page, "</h1>") || strings.Contains(page, "<canvas") {
			c.t.Errorf("%q without scripts: %.300s", rel, page)
		}
	}
	c.open(c.url(""))
	if page := c.html(); !strings.Contains(page, "connection refused") || !strings.Contains(page, `http-equiv="refresh"`) {
		c.t.Errorf("the overview shows no cause, or does not reload: %s", page)
	}
	c.clean("without scripts")
}

// polls looks through something that holds answers back until they are whole.
func (c *consolePage) polls() {
	held := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.handler.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	}))
	defer held.Close()
	c.open(held.URL + consoleRoot + "logs")
	eval[any](c.browser, `window.mark = 1; 0`)
	c.Log(c.t.Context(), log.SeverityWarn, "", "without a stream")
	c.until(`window.mark === 1 && document.querySelector("button.polled") && document.querySelector("main").innerText.includes("without a stream")`)
	c.open("about:blank") // so that it asks no more
	c.forgive()           // a browser tells of streams that are refused
}

func (c *consolePage) reconnects() {
	c.open(c.url("logs"))
	c.until(`document.querySelector("button.live")`)
	c.clean("before the program goes away")
	c.must(c.server.Close())
	c.until(`document.querySelector("button.lost") && document.querySelector("[role=status]").innerText.includes("No connection")`)
	c.Log(c.t.Context(), log.SeverityWarn, "", "in the meantime")
	c.serve(c.addr)
	c.until(`document.querySelector("button.live") && document.querySelector("main").innerText.includes("in the meantime")`)
	c.forgive() // a browser tells of connections that are refused
}

func (c *consolePage) charts() {
	c.open(c.url("runtime"))
	c.until(`document.querySelectorAll(".chart canvas").length >= 8 && !document.querySelector(".chart .spark")`)
	c.until(`document.querySelectorAll(".chart:first-child tbody tr").length >= 2`)
	eval[any](c.browser, `document.querySelector(".plot").focus(); 0`)
	before := eval[string](c.browser, `document.querySelector(".plot").getAttribute("aria-valuetext")`)
	c.press(kb.Home)
	c.until(fmt.Sprintf(`document.activeElement.getAttribute("aria-valuenow") === "0" && document.activeElement.getAttribute("aria-valuetext") !== %q`, before))
	c.press(kb.ArrowRight)
	c.until(`document.activeElement.getAttribute("aria-valuenow") === "1"`)
	c.open(c.url("metrics?name=shop.baskets"))
	c.until(`document.querySelector(".chart canvas") && document.querySelectorAll(".series li").length === 2`)
	c.clean("charts")
}

func (c *consolePage) everyView() {
	for _, rel := range []string{"", "health", "operations", "traces", "traces/" + c.trace, "logs", "logs?patterns=1", "metrics", "metrics?name=shop.baskets", "delivery", "runtime", "control"} {
		for _, theme := range []string{"light", "dark"} {
			c.theme(theme)
			c.size(map[string]int64{"light": 1280, "dark": 400}[theme], 900)
			c.open(c.url(rel))
			c.until(`document.querySelector("[role=status]") && document.readyState === "complete"`)
			where := fmt.Sprintf("%q, %s", rel, theme)
			if wide := eval[int](c.browser, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				c.t.Errorf("%s: %d pixels too wide", where, wide)
			}
			c.clean(where)
			c.accessible(where)
			c.forgive() // what axe does
		}
	}
}

func (c *consolePage) muchOfEverything() {
	c.size(1280, 900)
	for i := range 1000 {
		c.operation(c.t.Context(), fmt.Sprintf("sync.%04d", i), i, 0)
	}
	c.open(c.url("operations"))
	c.until(`document.querySelectorAll("article.op").length === 100 && document.querySelector("main").innerText.includes("1001 running")`)
	ctx, root := c.Span(c.t.Context(), "the big one")
	for range 3000 {
		_, s := c.Span(ctx, "one of many")
		s.End()
	}
	for i := range 47_000 {
		_, s := c.Span(c.t.Context(), fmt.Sprintf("GET /item/%d", i%50))
		s.End()
	}
	c.open(c.url("traces?q=item"))
	c.until(`document.querySelectorAll("table.traces tbody tr").length === 100 && document.querySelector("main").innerText.includes("47000")`)
	c.open(c.url("traces/" + root.SpanContext().TraceID().String()))
	c.until(`document.querySelector("button.live") && document.querySelector("main").innerText.includes("larger than one answer")`)
	root.End()
	c.until(`!document.querySelector("button.live")`) // what is finished is not followed
	c.clean("much")
}
