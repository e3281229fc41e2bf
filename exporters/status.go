package exporters

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// Status is how delivery stands.
type Status struct {
	// Dir is where telemetry waits, "" for memory.
	Dir string
	// Store is where what is made now waits: "disk", or "memory" without a
	// directory and while its disk fails.
	Store string
	// DiskFault says why the directory is not written to, so that telemetry waits
	// in memory; nil if it is, or there is none.
	DiskFault error
	// Accounts tell of each destination and signal that goes there.
	Accounts []Account
	// Refused is the newest items that a backend did not take, at most eight.
	Refused []Quarantined
}

// Account is what became of one signal at one destination. In a directory it
// goes on where an earlier process ended. Created is the sum of Delivered,
// Pending and all of Dropped.
type Account struct {
	Destination string // its name
	Signal      Signal
	Address     string // host and port

	Created   int64            // items made since the destination was first known
	Delivered int64            // taken by the backend
	Pending   int64            // not settled yet
	Dropped   map[string]int64 // by the name of a [Reason]; only those that occurred

	Bytes  int64     // encoded and waiting
	Oldest time.Time // of what is encoded and waiting; zero if nothing is
	Err    error     // of the newest attempt; nil if everything was taken
	Since  time.Time // since when attempts fail and are repeated; zero if they do not
}

// Lost is the sum of Dropped.
func (a Account) Lost() (n int64) {
	for _, d := range a.Dropped {
		n += d
	}
	return n
}

// String is one line: "traces to localhost:4318: 120 created, 118 delivered, 2
// pending".
func (a Account) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s: %d created, %d delivered", a.Signal, a.Address, a.Created, a.Delivered)
	if a.Pending > 0 {
		fmt.Fprintf(&b, ", %d pending", a.Pending)
	}
	for r := range reasons {
		if n := a.Dropped[r.String()]; n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, r)
		}
	}
	return b.String()
}

// Status returns how delivery stands now, or stood when the outbox closed.
func (b *Outbox) Status() Status {
	st := Status{Dir: b.options.Dir, Store: b.storeName(), Refused: b.refused.recent()}
	if f := b.fault.Load(); f != nil {
		st.DiskFault = f.err
	}
	for _, d := range b.to {
		for s := range Signal(signals) {
			if d.outlets[s].sender != nil {
				st.Accounts = append(st.Accounts, b.accountOf(d, s))
			}
		}
	}
	return st
}

// The names of the stores.
const (
	inMemory = "memory"
	onDisk   = "disk"
)

func (b *Outbox) storeName() string {
	if b.disk.Load() == nil || b.fault.Load() != nil {
		return inMemory
	}
	return onDisk
}

func (b *Outbox) accountOf(d *destination, s Signal) Account {
	o := d.outlets[s]
	a := Account{Destination: d.name, Signal: s, Address: o.sender.endpoint.address(), Dropped: map[string]int64{}}
	// What is settled is read first: what happens meanwhile is pending still.
	a.Delivered = d.account.delivered(s).Load()
	for r := range reasons {
		if n := d.account.dropped(s, r).Load(); n > 0 {
			a.Dropped[r.String()] = n
		}
	}
	a.Created = b.ledger.created(s).Load() - d.account.before(s).Load()
	a.Pending = max(a.Created-a.Delivered-a.Lost(), 0)
	o.mu.Lock()
	if a.Err = o.err; o.down {
		a.Since = o.since
	}
	o.mu.Unlock()
	w := waiting(d.index, s, b.stores()...)
	a.Bytes, a.Oldest = w.bytes, w.oldest
	return a
}

// address is the host and port that the endpoint is reached at.
func (e Endpoint) address() string {
	u, err := e.parseURL()
	if err != nil {
		return hostOf(e.URL)
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
