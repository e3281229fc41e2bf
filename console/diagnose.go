package console

import (
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/console/diagnosis"
)

// diagnosed is the newest answer to the usual question. Everybody who looks at
// once shares it: to find a cause costs more than all else that a page shows.
type diagnosed struct {
	mu     sync.Mutex
	at     time.Time
	report diagnosis.Report
}

// diagnosisAge is how old a shared diagnosis may be.
const diagnosisAge = time.Second

// diagnose answers a question; what it returns is not to be changed.
func (c *Console) diagnose(q diagnosis.Question) diagnosis.Report {
	if q != (diagnosis.Question{}) {
		return diagnosis.Diagnose(c.Store, q)
	}
	d := &c.diagnosed
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() || time.Since(d.at) >= diagnosisAge {
		d.report = diagnosis.Diagnose(c.Store, q)
		d.at = time.Now()
	}
	return d.report
}
