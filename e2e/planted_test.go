package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// TestPlantedFaultIsFound: the console of the demo names the fault that was
// planted before anything that follows from it.
func TestPlantedFaultIsFound(t *testing.T) {
	root, index := plantedTree(t)
	for fault, want := range map[string]cause{
		"slow-query": {"dependency_slow", "sqlite"},
		"n-plus-one": {"n_plus_one", "GET /search"},
		"lock":       {"lock_contention", "GET /search"},
		"leak":       {"goroutine_leak", "goroutines"},
		"dependency": {"dependency_down", "spelling"},
		"errors":     {"error_rate", "GET /search"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel() // it waits until there is enough to see
			db := filepath.Join(t.TempDir(), "index.db")
			if err := os.WriteFile(db, index, 0o600); err != nil {
				t.Fatal(err)
			}
			addr := loopback.Addr(t)
			p := start(t, codesearch, nil, "-traffic", "-addr", addr, "-root", root, "-db", db, "-fault", fault, "-fault-after", "15s")
			await(t, 4*time.Minute, p.ended, func(ctx context.Context) error { return want.isFirst(ctx, addr) })
		})
	}
}

// plantedTree has files enough of what the traffic searches for, and is indexed
// already.
func plantedTree(t *testing.T) (root string, index []byte) {
	t.Helper()
	root = t.TempDir()
	for _, name := range []string{"net", "os", "sync", "context", "encoding"} {
		if err := os.CopyFS(filepath.Join(root, name), os.DirFS(filepath.Join(goEnv(t, "GOROOT"), "src", name))); err != nil {
			t.Fatal(err)
		}
	}
	db := filepath.Join(t.TempDir(), "index.db")
	start(t, codesearch, nil, "-once", "-root", root, "-db", db).wait(t, time.Minute)
	index, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	return root, index
}

// cause is what a diagnosis names.
type cause struct{ Kind, Component string }

func (c cause) isFirst(ctx context.Context, addr string) error {
	_, body, err := get(ctx, "http://"+addr+"/debug/otelmon/api/diagnosis")
	if err != nil {
		return err
	}
	var report struct{ Findings []cause }
	if err := json.Unmarshal([]byte(body), &report); err != nil {
		return err
	}
	if len(report.Findings) == 0 || report.Findings[0] != c {
		return fmt.Errorf("found first is not %v: %s", c, body)
	}
	return nil
}
