package store

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Verdicts about delivery, the best first.
const (
	DeliveryNotConfigured = "not_configured" // nothing is exported, or not by otelmon
	DeliveryIdle          = "idle"           // nothing was made yet
	DeliveryOK            = "ok"
	DeliveryWaiting       = "waiting" // nothing was taken yet, and it is too early to call that failing
	DeliveryBehind        = "behind"  // it arrives, but late
	DeliveryFailing       = "failing" // nothing arrives, nothing is lost yet
	DeliveryLosing        = "losing"  // lost something lately
)

// What the verdict calls late, and lately.
const (
	lateAfter      = 15 * time.Second
	takenLately    = 4  // samples without a delivery: 20 s, above what one slow request takes
	lostLately     = 60 // samples: 5 min
	lostLatelyText = "in the last 5 minutes"
)

// Delivery tells whether the telemetry of this process reaches its backends, by
// the ledger that package exporters keeps.
type Delivery struct {
	AsOf     time.Time         `json:"as_of"`
	Verdict  string            `json:"verdict"` // of the account that stands worst: not_configured, idle, ok, waiting, behind, failing, losing
	Reason   string            `json:"reason"`  // a sentence
	Accounts []DeliveryAccount `json:"accounts"`
}

// DeliveryAccount is what became of one signal at one destination. Created is the
// sum of Delivered, Pending and Lost.
type DeliveryAccount struct {
	Destination string         `json:"destination"`
	Signal      string         `json:"signal"`  // traces, metrics, logs
	Verdict     string         `json:"verdict"` // idle, ok, waiting, behind, failing, losing
	Reason      string         `json:"reason"`  // a sentence
	Mode        string         `json:"mode"`    // where it waits: memory, or disk, which goes on where an earlier process ended
	Created     Number         `json:"created"`
	Delivered   Number         `json:"delivered"`
	Pending     Number         `json:"pending"`
	Lost        Number         `json:"lost"`
	Dropped     []DeliveryLoss `json:"dropped"`     // what Lost is made of, the most first
	LostLately  Number         `json:"lost_lately"` // in the last five minutes
	Oldest      Number         `json:"oldest_seconds"`
	MemoryBytes Number         `json:"memory_bytes"` // encoded and waiting
	DiskBytes   Number         `json:"disk_bytes"`

	taken float64 // lately
	began bool    // to take, as far as is known; not by what an earlier process delivered
}

// DeliveryLoss is what was lost for one reason.
type DeliveryLoss struct {
	Reason string `json:"reason"` // as in otelmon.telemetry.drop.reason
	Items  Number `json:"items"`
}

// Delivery tells whether the telemetry of this process reaches its backends.
func (st *Store) Delivery() Delivery {
	st.metrics.fresh()
	d := Delivery{Verdict: DeliveryNotConfigured, Accounts: []DeliveryAccount{}}
	d.Reason = "Nothing is exported over OTLP by otelmon."
	accounts := map[[2]string]*DeliveryAccount{}
	d.AsOf = st.metrics.readLedger(accounts)
	for _, a := range accounts {
		slices.SortFunc(a.Dropped, func(x, y DeliveryLoss) int {
			return cmp.Or(cmp.Compare(y.Items, x.Items), strings.Compare(x.Reason, y.Reason))
		})
		a.judge()
		d.Accounts = append(d.Accounts, *a)
	}
	slices.SortFunc(d.Accounts, func(x, y DeliveryAccount) int {
		return cmp.Or(strings.Compare(x.Destination, y.Destination), signalOrder(x.Signal)-signalOrder(y.Signal))
	})
	for i := range d.Accounts {
		if a := &d.Accounts[i]; deliveryOrder(a.Verdict) > deliveryOrder(d.Verdict) {
			d.Verdict, d.Reason = a.Verdict, a.Reason
		}
	}
	switch d.Verdict {
	case DeliveryIdle:
		d.Reason = "Nothing was made yet."
	case DeliveryOK:
		d.Reason = "What is made arrives."
	}
	return d
}

// readLedger reads all accounts under one lock, so that they are of one moment.
func (m *metricStore) readLedger(accounts map[[2]string]*DeliveryAccount) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, s := range m.series {
		if key.scope != keys.ScopeExporters || !m.current(s) {
			continue
		}
		at := [2]string{s.attributes.Get(keys.TelemetryDestination), s.attributes.Get(keys.TelemetrySignal)}
		if at[1] == "" {
			continue
		}
		if accounts[at] == nil {
			accounts[at] = &DeliveryAccount{Destination: at[0], Signal: at[1], Mode: "memory", Dropped: []DeliveryLoss{}}
		}
		accounts[at].read(key.name, s, m.samples)
	}
	return m.at
}

// read takes in one series. Counters of a directory begin with what earlier
// processes did, so nothing of their first value is known to be of late.
func (a *DeliveryAccount) read(instrument string, s *series, samples int64) {
	v := Number(s.now.value)
	switch instrument {
	case keys.TelemetryCreated:
		a.Created = v
	case keys.TelemetryDelivered:
		a.Delivered = v
		a.taken, a.began = s.gained(samples, takenLately), s.now.value > s.first
	case keys.TelemetryPending:
		a.Pending = v
	case keys.TelemetryPendingAge:
		a.Oldest = v
	case keys.TelemetryPendingSize:
		if s.attributes.Get(keys.TelemetryStore) == "disk" {
			a.Mode, a.DiskBytes = "disk", v
		} else {
			a.MemoryBytes = v
		}
	case keys.TelemetryDropped:
		if v > 0 {
			a.Lost += v
			a.LostLately += Number(math.Round(s.gained(samples, lostLately)))
			a.Dropped = append(a.Dropped, DeliveryLoss{s.attributes.Get(keys.TelemetryDropReason), v})
		}
	}
}

// gained is by how much a counter has grown since n samples ago, or since its
// first one.
func (s *series) gained(samples int64, n int) float64 {
	if s.beforeAt.IsZero() {
		return 0
	}
	grown := s.now.value - s.before.value
	for _, rate := range s.history.newest(samples, n) {
		if rate.Known() {
			grown += float64(rate) * sampleInterval.Seconds()
		}
	}
	return max(grown, 0)
}

// judge makes the verdict of one account.
func (a *DeliveryAccount) judge() {
	where := map[bool]string{false: "in memory", true: "on the disk"}
	late := a.Pending > 0 && a.Oldest >= Number(lateAfter.Seconds())
	waits := items(a.Pending, "waits", "wait")
	if a.Oldest >= 1 {
		waits += ", the oldest for " + seconds(a.Oldest)
	}
	waits += ", " + where[a.Mode == "disk"]
	to := fmt.Sprintf("The %s to %s: ", a.Signal, a.Destination)
	switch {
	case a.LostLately > 0:
		a.Verdict = DeliveryLosing
		a.Reason = to + fmt.Sprintf("%s lost %s%s", items(a.LostLately, "was", "were"), lostLatelyText, a.causes())
		if late && a.taken == 0 {
			a.Reason += "; none are taken, and " + waits
		}
		a.Reason += "."
	case late && a.taken == 0:
		a.Verdict, a.Reason = DeliveryFailing, to+"none are taken; "+waits+"."
	case late:
		a.Verdict, a.Reason = DeliveryBehind, to+"they arrive late; "+waits+"."
	case a.Created == 0 && a.Pending == 0:
		a.Verdict, a.Reason = DeliveryIdle, to+"nothing was made yet."
	case a.Delivered == 0 && a.Pending == 0:
		a.Verdict, a.Reason = DeliveryWaiting, to+"nothing was taken yet."
	case a.Delivered == 0:
		a.Verdict, a.Reason = DeliveryWaiting, to+"nothing was taken yet; "+waits+"."
	case a.Pending > 0 && a.Mode == "disk" && !a.began: // a directory's count goes on from earlier processes
		a.Verdict, a.Reason = DeliveryWaiting, to+"nothing is known to be taken since the start; "+waits+"."
	default:
		a.Verdict, a.Reason = DeliveryOK, to+"what is made arrives."
	}
}

// causes names the reasons of all that was lost.
func (a *DeliveryAccount) causes() string {
	var parts []string
	for _, d := range a.Dropped {
		parts = append(parts, d.Reason)
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func items(n Number, one, many string) string {
	if n == 1 {
		return "1 item " + one
	}
	return fmt.Sprintf("%.0f items %s", float64(n), many)
}

func seconds(n Number) string {
	return (time.Duration(float64(n)) * time.Second).String()
}

func deliveryOrder(verdict string) int {
	return slices.Index([]string{
		DeliveryNotConfigured, DeliveryIdle, DeliveryOK, DeliveryWaiting, DeliveryBehind, DeliveryFailing, DeliveryLosing,
	}, verdict)
}

func signalOrder(signal string) int {
	return slices.Index([]string{"traces", "metrics", "logs"}, signal)
}
