package bulk

import (
	"fmt"
	"math"
	"time"
)

// Limit is what keeps an operation from going faster.
type Limit string

// The limits that can be told apart. "" means that nothing is clear.
const (
	LimitContention Limit = "contention" // more workers get in each other's way in the backend
	LimitRate       Limit = "rate_limit" // the backend refuses what comes faster
	LimitReader     Limit = "reader"     // the work waits for what is read
	LimitWriter     Limit = "writer"     // the work itself, or writing what comes of it
	LimitStage      Limit = "stage"      // a stage in the middle
	LimitCPU        Limit = "cpu"        // this process has no more CPU
	LimitWorkers    Limit = "workers"    // more workers would help, and are not allowed
)

// Verdict says what limits an operation, and from what that follows.
type Verdict struct {
	Limit    Limit  `json:"limit"`
	Stage    string `json:"stage,omitempty"` // the one that limits, if it is one
	Sentence string `json:"sentence"`        // "the reader: workers wait for it 80% of the time"; "" without a limit
}

// evidence is what the controller of a run knows about its limits. It stores a
// new one whenever it learns something: o.evidence.Store(&evidence{…}). Zero
// means unknown, for each field.
type evidence struct {
	limit, batch int     // concurrency and items a call, as they are now
	best         int     // the best concurrency known, about which the search probes
	maxLimit     int     // the most workers that are allowed
	refused      float64 // share of calls that the backend refused lately as too many, 0 to 1
	cap          float64 // items a second that it lets through, while it refuses
	sigma, kappa float64 // of the USL fit: contention and crosstalk
	peak         float64 // workers at which the throughput is greatest by that fit
	saturated    bool    // the last probe with more workers got no more done
	starving     float64 // share of their time that workers waited for the producer lately, 0 to 1
	cpu          bool    // the process uses all the CPU that it may
}

const (
	mostly   = 0.6   // share of the time that makes a limit
	refusing = 0.001 // share of refused calls that does
	atPeak   = 0.85  // share of the best concurrency from which on more is no use
)

// verdict judges a controlled run. The order is that of certainty: a refusal is
// said, a starving worker seen, a curve fitted.
func (e *evidence) verdict() Verdict {
	switch {
	case e == nil:
		return Verdict{}
	case e.refused >= refusing && e.cap > 0:
		return Verdict{Limit: LimitRate, Sentence: fmt.Sprintf(
			"the backend's rate limit: it takes %s and refused %s of the calls lately", pace(e.cap), share(e.refused))}
	case e.starving >= mostly:
		return Verdict{Limit: LimitReader, Sentence: fmt.Sprintf(
			"the reader: workers wait for it %s of the time", share(e.starving))}
	case e.cpu:
		return Verdict{Limit: LimitCPU, Sentence: "the CPU of this process: all of it is in use"}
	case e.kappa > 0 && e.peak > 0 && float64(e.limit) >= atPeak*e.peak:
		return Verdict{Limit: LimitContention, Sentence: fmt.Sprintf(
			"contention in the backend (sigma %s): throughput peaks at %.0f workers, now %d; more would not help",
			share(e.sigma), e.peak, e.limit)}
	case e.maxLimit > 0 && max(e.limit, e.best) >= e.maxLimit:
		return Verdict{Limit: LimitWorkers, Sentence: fmt.Sprintf(
			"the number of workers: all %d that are allowed are at work, and more were not tried", e.maxLimit)}
	case e.saturated:
		return Verdict{Limit: LimitContention, Sentence: fmt.Sprintf(
			"the backend takes no more: a probe with more workers than the %d now, of batches of %d, got no more done", e.limit, e.batch)}
	}
	return Verdict{}
}

func share(f float64) string {
	if f > 0 && f < 0.01 {
		return fmt.Sprintf("%.1f%%", 100*f)
	}
	return fmt.Sprintf("%.0f%%", 100*math.Min(f, 1))
}

// settled is the least that must have been seen for a verdict by time.
const settled = time.Second

// judge finds what limits an operation: by what its controller knows, by the
// times of its stages, or by those of its loop. The caller holds mu.
func (o *Operation) judge(s Snapshot) Verdict {
	if v := o.evidence.Load().verdict(); v.Limit != "" {
		return v
	}
	if v := judgeStages(s.Stages); v.Limit != "" {
		return v
	}
	return o.loop.verdict(o.cpu.share)
}

// judgeStages finds the stage that waits least where others wait, or, in a job
// that goes through its stages one after the other, the one that takes most.
func judgeStages(stages []StageTime) Verdict {
	if len(stages) < 2 {
		return Verdict{}
	}
	var work, waits time.Duration
	for _, st := range stages {
		work, waits = work+st.Time, waits+st.WaitIn+st.WaitOut
	}
	if work < settled {
		return Verdict{}
	}
	at, most, second := 0, 0.0, 0.0
	for i, st := range stages {
		of := st.Time + st.WaitIn + st.WaitOut
		if waits == 0 {
			of = work
		}
		u := float64(st.Time) / float64(max(of, 1))
		if u > most {
			at, most, second = i, u, most
		} else {
			second = max(second, u)
		}
	}
	if most < mostly || waits > 0 && most < second+0.1 {
		return Verdict{}
	}
	v := Verdict{Limit: LimitStage, Stage: stages[at].Name}
	switch at {
	case 0:
		v.Limit = LimitReader
	case len(stages) - 1:
		v.Limit = LimitWriter
	}
	v.Sentence = fmt.Sprintf("the stage %s: it is busy %s of its time, and the others wait", v.Stage, share(most))
	if waits == 0 {
		v.Sentence = fmt.Sprintf("the stage %s: it takes %s of the time of all stages", v.Stage, share(most))
	}
	return v
}

// verdict judges a loop, which is one goroutine, by where its time went.
func (l *loopTime) verdict(cpu float64) Verdict {
	reading, working := l.reading.Load(), l.working.Load()
	all := reading + working
	if l.timed.Load() < 2 || all < int64(settled/10) {
		return Verdict{}
	}
	in, out := float64(reading)/float64(all), float64(working)/float64(all)
	switch {
	case cpu >= oneCPU && max(in, out) >= mostly:
		return Verdict{Limit: LimitCPU, Sentence: fmt.Sprintf(
			"one CPU: the loop is one goroutine, %s of its time is the body's, and the process uses %.1f CPUs", share(out), cpu)}
	case in >= mostly:
		return Verdict{Limit: LimitReader, Sentence: fmt.Sprintf(
			"the reader: the loop waits %s of the time for the next item", share(in))}
	case out >= mostly:
		return Verdict{Limit: LimitWriter, Sentence: fmt.Sprintf(
			"the loop body: it takes %s of the time, in one goroutine, and waits for something else than the CPU", share(out))}
	}
	return Verdict{}
}

const oneCPU = 0.85

// cpuUse is how many CPUs the process has used lately.
type cpuUse struct {
	share float64
	used  time.Duration
	at    time.Time
}

func (c *cpuUse) observe(now time.Time, used time.Duration) {
	if d := now.Sub(c.at); !c.at.IsZero() && d > 0 {
		c.share += 0.3 * (float64(used-c.used)/float64(d) - c.share)
	}
	c.used, c.at = used, now
}
