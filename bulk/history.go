package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
)

// These bound the file of a name to about 8 KiB.
const (
	maxRuns    = 16
	curveSteps = 32
	maxHistory = 1 << 18 // bytes read of a file that somebody else wrote
)

// slower is how many times the usual makes an operation slower than usual.
const slower = 1.5

// History is an [Option] that names a directory in which the last 16 completed
// runs of each operation name are kept, one small file a name. It is made if it
// is missing. From them come an ETA from the first second on, what pauses are
// usual, whether a run is slower than usual ([Snapshot.Slower]), and where the
// search of [Run] begins: at what the last one ended with. The default,
// "", keeps nothing.
//
// What cannot be read, written or understood is told to OpenTelemetry's error
// handler and otherwise ignored: a broken file is replaced. Of processes that end
// at the same moment, one may lose its run.
type History string

func (h History) apply(c *config) { c.history = string(h) }

// completedRun is one run as it is kept.
type completedRun struct {
	Ended   time.Time `json:"ended"`
	Seconds float64   `json:"seconds"`
	Work    int64     `json:"work"`  // items processed, or bytes
	Gap     float64   `json:"gap"`   // longest time without progress that was no stall
	Limit   int       `json:"limit"` // workers and batch that it ended with; 0 without a controller
	Batch   int       `json:"batch"`
	Curve   []float64 `json:"curve"` // share of the time until each 32nd of the work was done
}

func (r completedRun) sound() bool {
	bad := func(f float64) bool { return math.IsNaN(f) || f < 0 || f > 1.001 }
	return r.Seconds > 0 && r.Work > 0 && r.Gap >= 0 && len(r.Curve) == curveSteps &&
		!slices.ContainsFunc(r.Curve, bad) && slices.IsSorted(r.Curve)
}

// past is what earlier runs of an operation's name tell. Nil is nothing.
type past struct {
	gap          float64             // the longest time without progress, in seconds
	unit         float64             // seconds for one item or byte, the median
	curve        [curveSteps]float64 // median
	limit, batch int                 // of the last run, to start from
}

// pathOf is readable and different for each name, whatever is in it.
func pathOf(dir, name string) string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // it never fails
	safe := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, truncate(name, maxNameLength))
	return filepath.Join(dir, fmt.Sprintf("%s-%016x.json", safe, h.Sum64()))
}

func readRuns(path string) ([]completedRun, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var runs []completedRun
	if err := json.NewDecoder(io.LimitReader(f, maxHistory)).Decode(&runs); err != nil {
		return nil, fmt.Errorf("history %s: %w", path, err)
	}
	runs = slices.DeleteFunc(runs, func(r completedRun) bool { return !r.sound() })
	return runs[max(0, len(runs)-maxRuns):], nil
}

func (o *Operation) recall(dir string) *past {
	if dir == "" {
		return nil
	}
	o.history = pathOf(dir, o.name)
	runs, err := readRuns(o.history)
	if err != nil {
		otel.Handle(err)
	}
	if len(runs) == 0 {
		return nil
	}
	p := &past{limit: runs[len(runs)-1].Limit, batch: runs[len(runs)-1].Batch}
	units := make([]float64, len(runs))
	for i, r := range runs {
		units[i] = r.Seconds / float64(r.Work)
		p.gap = max(p.gap, r.Gap)
	}
	p.unit = median(units)
	for k := range p.curve {
		for i, r := range runs {
			units[i] = r.Curve[k]
		}
		p.curve[k] = median(units)
	}
	return p
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// remember adds a completed run to the file of its name.
func (o *Operation) remember(s Snapshot) {
	o.mu.Lock()
	e := &o.estimate
	r := completedRun{
		Ended: time.Now().Round(0), Seconds: s.Elapsed.Seconds(), Gap: e.longest,
		Work: o.measure(s.counts()).processed(), Curve: make([]float64, curveSteps),
	}
	offset, at := e.origin.Sub(e.begun).Seconds(), 0
	for k := range r.Curve {
		want := float64(r.Work) * float64(k+1) / curveSteps
		for at < len(e.curve.kept) && e.curve.kept[at].done < want {
			at++
		}
		if r.Curve[k] = 1; at < len(e.curve.kept) && r.Seconds > 0 {
			r.Curve[k] = min((offset+e.curve.kept[at].t)/r.Seconds, 1)
		}
	}
	o.mu.Unlock()
	if ev := o.evidence.Load(); ev != nil {
		r.Limit, r.Batch = ev.limit, ev.batch
	}
	if !r.sound() {
		return
	}
	if err := addRun(o.history, r); err != nil {
		otel.Handle(fmt.Errorf("keep the history of %s: %w", o.name, err))
	}
}

func addRun(path string, r completedRun) error {
	runs, _ := readRuns(path) // what is wrong with it was told at the start
	runs = append(runs, r)
	text, err := json.Marshal(runs[max(0, len(runs)-maxRuns):])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (p *past) patience() float64 {
	if p == nil {
		return 0
	}
	return 2 * p.gap
}

// until is the share of the time that it usually takes until a share of the work
// is done.
func (p *past) until(done float64) float64 {
	x := min(max(done, 0), 1) * curveSteps
	k := min(int(x), curveSteps-1)
	before := 0.0
	if k > 0 {
		before = p.curve[k-1]
	}
	return before + (x-float64(k))*(p.curve[k]-before)
}

// models tells that a run goes on as earlier ones did from where it is, at its own
// speed.
func (p *past) models(whole float64) []model {
	if p == nil || whole <= 0 {
		return nil
	}
	return []model{func(seen []point, target float64) float64 {
		now := seen[len(seen)-1]
		took := p.until(now.done / whole)
		if took <= 0 {
			return math.Inf(1)
		}
		return now.t * (p.until(target/whole) - took) / took
	}}
}

// usual is how long it usually takes until this much of whole is done.
func (p *past) usual(done, whole float64) time.Duration {
	return time.Duration(p.until(done/whole) * p.unit * whole * float64(time.Second))
}
