package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// TestMain is also the program that a drill kills.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "victim" {
		if err := Victim(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// dropped is what each scenario is allowed to lose, and by what reason.
func dropped(place string) map[string][]string {
	all := map[string][]string{"rejected": {"rejected"}, "full": {"evicted"}}
	if place == "memory" {
		all["restart"], all["gone"] = []string{"abandoned"}, []string{"abandoned"}
	} else {
		all["killed"] = []string{"crashed"}
	}
	return all
}

// TestDrill: with every protocol and each place to wait in, what is lost has a
// number, and only those scenarios lose that have to.
func TestDrill(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		for _, place := range []string{"memory", "directory"} {
			t.Run(protocol+" "+place, func(t *testing.T) {
				t.Parallel()
				home := t.TempDir()
				o := Options{Environ: []string{
					"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
					"OTEL_EXPORTER_OTLP_ENDPOINT=https://192.0.2.1:4318", "OTEL_TRACES_SAMPLER=always_off",
				}}
				if place == "directory" {
					o.Environ = append(o.Environ, "OTELMON_OUTBOX_DIR="+filepath.Join(home, "outbox"))
				}
				r := RunKilling(t.Context(), o, os.Args[0], "victim")
				if err := r.Err(); err != nil || r.Verdict != OK || r.Waits != place {
					t.Errorf("%s, in %s: %v", r.Verdict, r.Waits, err)
				}
				for _, s := range r.Scenarios {
					for _, a := range s.Accounts {
						for reason := range a.Dropped {
							if !slices.Contains(dropped(place)[s.Name], reason) {
								t.Errorf("%s: %s: %s", s.Name, a.Signal, a)
							}
						}
						if s.Name == "rejected" && a.Signal == "traces" && a.Dropped["rejected"] != 1 || s.Name == "full" && a.Signal == "traces" && a.Dropped["evicted"] == 0 {
							t.Errorf("%s has lost nothing: %s", s.Name, a)
						}
						if s.Name == "killed" && a.Signal != "metrics" && a.Dropped["crashed"] != some {
							t.Errorf("%d were only in memory: %s: %s", some, a.Signal, a)
						}
						if s.Name == "cut" && a.Again == 0 {
							t.Errorf("no answer was cut: %s", a)
						}
						if a.Made == 0 || s.Name != "gone" && a.Pending > 0 {
							t.Errorf("%s: %s: %s", s.Name, a.Signal, a)
						}
					}
					t.Logf("%.1f s %s %v", s.Seconds, s.Name, s.Accounts)
				}
				if skipped := len(r.Skipped) == 1 && r.Skipped[0].Name == "killed"; skipped != (place == "memory") || len(r.Scenarios)+len(r.Skipped) != len(scenarios()) {
					t.Errorf("skipped %v", r.Skipped)
				}
				if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
					t.Errorf("the drill left %v, %v", left, err)
				}
			})
		}
	}
}

// TestLiesAreFound: what a broken outbox would do is not believed.
func TestLiesAreFound(t *testing.T) {
	t.Parallel()
	set, err := settings.Resolve(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	outbox, err := outboxOf(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		play       func(context.Context, *trial) error
	}{
		{"silent loss", "21 were made and only 20 counted: 1 are lost without a number", func(_ context.Context, t *trial) error {
			t.Made[exporters.Traces]++
			return nil
		}},
		{"counted and not delivered", "the ledger says that 21 were delivered, and the receiver has 20", func(ctx context.Context, t *trial) error {
			t.stand.fail(func(w answering, _ request) bool { w.accept(); return true })
			t.span(ctx)
			return nil
		}},
		{"delivered and not counted", "the ledger says that 20 were delivered, and the receiver has 21", func(_ context.Context, t *trial) error {
			t.stand.take(exporters.Traces, []string{"another"})
			return nil
		}},
		{"another death", "the ledger says that 0 crashed, and 1 were only in the memory", func(_ context.Context, t *trial) error {
			t.Memory[exporters.Traces] = 1
			return nil
		}},
		{"never delivered", "1 still wait", func(ctx context.Context, t *trial) error {
			t.stand.fail(refuse(503, 14, time.Minute))
			t.span(ctx)
			ctx, cancel := context.WithTimeout(ctx, shortly)
			defer cancel()
			return t.box.Flush(ctx)
		}},
		{"no second start", "the drill itself: ", func(ctx context.Context, t *trial) error {
			t.end(ctx)
			t.options.Destinations = nil
			return t.begin(ctx)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			results := course{outbox: outbox}.play(t.Context(), []scenario{{name: c.name, play: c.play}})
			if r := results[0]; r.Verdict != Failed || !strings.Contains(strings.Join(r.Reasons, "; "), c.want) {
				t.Errorf("%s %q", r.Verdict, r.Reasons)
			}
		})
	}
}

// TestSumsMustMatch: a ledger that contradicts itself.
func TestSumsMustMatch(t *testing.T) {
	t.Parallel()
	a := Account{Signal: "logs", Made: 3, Created: 3, Delivered: 1, Arrived: 1, Dropped: map[string]int64{"evicted": 1}}
	if reasons := a.check(); len(reasons) != 1 || !strings.Contains(reasons[0], "3 were created, but delivered, pending and dropped are 2") {
		t.Errorf("%q", reasons)
	}
}

// TestJSONIsStable: scripts read it, so it may only get longer.
func TestJSONIsStable(t *testing.T) {
	t.Parallel()
	full := Report{
		Version: 1, Verdict: OK, Fault: "f", Waits: "memory", Backend: []string{"b:1"}, Skipped: []Skip{{"s", "r"}}, Ledger: []Account{},
		Scenarios: []Result{{Name: "n", About: "a", Verdict: Failed, Reasons: []string{"r"}, Accounts: []Account{{Signal: "logs", Dropped: map[string]int64{"evicted": 1}, memory: 1}}}},
	}
	const want = `{"version":1,"verdict":"ok","fault":"f","waits":"memory","backend":["b:1"],"scenarios":[{"name":"n","about":"a","verdict":"FAILED","reasons":["r"],` +
		`"accounts":[{"signal":"logs","made":0,"created":0,"delivered":0,"pending":0,"dropped":{"evicted":1},"arrived":0,"again":0}],"seconds":0}],` +
		`"skipped":[{"name":"s","reason":"r"}],"ledger":[]}`
	if got, err := json.Marshal(full); err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestNothingToTry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ environ, want string }{
		{"OTEL_EXPORTER_OTLP_PROTOCOL=smoke", "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{"OTELMON_OUTBOX_DIR=/nowhere/at/all/outbox", "make a directory"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318", "the endpoint is wrong"},
	} {
		r := Run(t.Context(), Options{Environ: []string{c.environ}, Backend: strings.Contains(c.environ, "ENDPOINT")})
		if r.Verdict != Failed || r.Err() == nil || !strings.Contains(r.Err().Error(), c.want) {
			t.Errorf("%s: %s %v", c.environ, r.Verdict, r.Err())
		}
	}
	none := []string{"OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none", "OTEL_LOGS_EXPORTER=console"}
	if r := Run(t.Context(), Options{Environ: none}); r.Err() == nil || !strings.Contains(r.Err().Error(), "nothing is sent") {
		t.Errorf("%v", r.Err())
	}
}
