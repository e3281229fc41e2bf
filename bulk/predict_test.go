package bulk

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// workload is how many items are done in each second of a job.
type workload func(r *rand.Rand, s int) float64

// workloads are the kinds of jobs that people have had wrong estimates of.
func workloads() map[string]workload {
	noise := func(r *rand.Rand, cv float64) float64 { return math.Exp(cv*r.NormFloat64() - cv*cv/2) }
	return map[string]workload{
		"steady":        func(r *rand.Rand, _ int) float64 { return 100 * noise(r, 0.2) },
		"slow start":    func(r *rand.Rand, s int) float64 { return 100 * (1 - 0.9*math.Exp(-float64(s)/120)) * noise(r, 0.2) },
		"growing index": func(r *rand.Rand, s int) float64 { return 200 / math.Sqrt(1+float64(s)/60) * noise(r, 0.2) },
		"half way slower": func(r *rand.Rand, s int) float64 {
			return map[bool]float64{true: 100, false: 40}[s < 500] * noise(r, 0.2)
		},
		"bursts": func(_ *rand.Rand, s int) float64 {
			if s%37 == 0 {
				return 3700
			}
			return 0
		},
		"heavy tail":        func(r *rand.Rand, _ int) float64 { return 100 * math.Exp(1.5*r.NormFloat64()-1.125) },
		"waves":             func(r *rand.Rand, s int) float64 { return (100 + 80*math.Sin(float64(s)/40)) * noise(r, 0.2) },
		"faster and faster": func(r *rand.Rand, s int) float64 { return (20 + 0.2*float64(s)) * noise(r, 0.2) },
	}
}

// rival is the arithmetic of another's progress bar, fed once a second.
type rival interface {
	see(seconds, items float64) // since the last
	left(items float64) float64
}

// tqdmModel: an exponential average of items and of seconds with smoothing 0.3.
type tqdmModel struct{ n, t, waited float64 }

func (m *tqdmModel) see(t, n float64) {
	if m.waited += t; n == 0 {
		return // it looks when an item comes
	}
	m.n, m.t, m.waited = 0.3*n+0.7*m.n, 0.3*m.waited+0.7*m.t, 0
}
func (m *tqdmModel) left(n float64) float64 { return n * m.t / m.n }

// richModel: the items of the last 30 seconds over their time.
type richModel struct{ at, sum []float64 }

func (m *richModel) see(t, n float64) {
	last, sum := 0.0, 0.0
	if k := len(m.at); k > 0 {
		last, sum = m.at[k-1], m.sum[k-1]
	}
	m.at, m.sum = append(m.at, last+t), append(m.sum, sum+n)
	for m.at[len(m.at)-1]-m.at[0] > 30 {
		m.at, m.sum = m.at[1:], m.sum[1:]
	}
}

func (m *richModel) left(n float64) float64 {
	k := len(m.at) - 1
	return n * (m.at[k] - m.at[0]) / (m.sum[k] - m.sum[0])
}

// mpbModel: the average time of an item over the whole run, which is mpb's
// AverageETA; its EwmaETA is off by the number of workers.
type mpbModel struct{ n, t float64 }

func (m *mpbModel) see(t, n float64)       { m.n, m.t = m.n+n, m.t+t }
func (m *mpbModel) left(n float64) float64 { return n * m.t / m.n }

type score struct{ sum, n, worst float64 }

func (s *score) add(eta, truth float64) {
	e := math.Abs(math.Log(eta / truth))
	if math.IsNaN(e) || e > 3 {
		e = 3 // no answer, or one off by a factor of 20
	}
	s.sum, s.n, s.worst = s.sum+e, s.n+1, max(s.worst, e)
}

func (s *score) mean() float64 { return s.sum / s.n }

func TestETABeatsThatOfOthers(t *testing.T) {
	t.Parallel()
	const length, seeds = 1000, 8
	total := map[string]*score{"ours": {}, "tqdm": {}, "rich": {}, "mpb": {}}
	within, asked := 0, 0
	for name, w := range workloads() {
		here := map[string]*score{"ours": {}, "tqdm": {}, "rich": {}, "mpb": {}}
		for seed := range uint64(seeds) {
			r := rand.New(rand.NewPCG(seed, 1))
			items, whole := make([]float64, length), 0.0
			for s := range items {
				items[s] = math.Round(w(r, s))
				whole += items[s]
			}
			rivals := map[string]rival{"tqdm": &tqdmModel{}, "rich": &richModel{}, "mpb": &mpbModel{}}
			e, start, done := &estimator{total: int64(whole)}, time.Unix(0, 0), 0.0
			e.start(start)
			for s, n := range items {
				done += n
				now := start.Add(time.Duration(s+1) * time.Second)
				e.observe(now, okay(done))
				for _, m := range rivals {
					m.see(1, n)
				}
				if s < length/20 || s >= length*19/20 || s%10 != 0 || done >= whole {
					continue
				}
				truth := float64(length - s - 1)
				eta := e.eta(now, okay(done), e.total)
				low, high := e.between(eta)
				asked++
				if low.Seconds() <= truth && truth <= high.Seconds() {
					within++
				}
				here["ours"].add(eta.Seconds(), truth)
				for name, m := range rivals {
					here[name].add(m.left(whole-done), truth)
				}
			}
		}
		t.Logf("%-18s ours %.2f (worst %.2f)  tqdm %.2f  rich %.2f  mpb %.2f", name,
			here["ours"].mean(), here["ours"].worst, here["tqdm"].mean(), here["rich"].mean(), here["mpb"].mean())
		for who, s := range here {
			total[who].sum, total[who].n = total[who].sum+s.sum, total[who].n+s.n
		}
	}
	t.Logf("mean |ln(ETA/true)|: ours %.3f  tqdm %.3f  rich %.3f  mpb %.3f; %d%% within P10 to P90",
		total["ours"].mean(), total["tqdm"].mean(), total["rich"].mean(), total["mpb"].mean(), 100*within/asked)
	for who, s := range total {
		if who != "ours" && total["ours"].mean() > 0.75*s.mean() {
			t.Errorf("off by %.3f on average, %s by %.3f; want at most three quarters of that", total["ours"].mean(), who, s.mean())
		}
	}
	if off := total["ours"].mean(); off > 0.225 {
		t.Errorf("off by %.3f on average, want at most 0.225", off)
	}
	if share := float64(within) / float64(asked); share < 0.78 || share > 0.85 {
		t.Errorf("%.0f%% of the truths lie between P10 and P90, want about 80%%", 100*share)
	}
}
