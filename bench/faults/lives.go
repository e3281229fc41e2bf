package faults

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// lives are about what happens to the process.
func lives() []scenario {
	return []scenario{
		{
			name: "goroutines more after 50 probes while a check hangs, and after its release", bound: "1, then 0",
			run: leak,
		},
		{
			name: "a check panics", bound: "it is down, the others answer",
			run: panicking,
		},
		{
			name: "stop before start", bound: "nothing happens",
			run: stopEarly,
		},
		{
			name: "a listener asks the registry", bound: "it gets its answer",
			run: listener,
		},
	}
}

// leak lets an interval pass with every probe. A rival's cache is off: it holds
// for a second, and an orchestrator comes every ten.
func leak(l library) outcome {
	t := newTrap()
	s := l.open(spec{every: minimum, checks: []check{{name: "db", do: t.do, timeout: short}}})
	s.settle()
	before := goroutines()
	close(t.set)
	for range 50 {
		s.probe()
		pause(minimum)
	}
	hung := goroutines() - before
	close(t.released)
	left := 0
	await(func() bool { left = goroutines() - before; return left <= 0 })
	return outcome{fmt.Sprintf("%d, then %d", hung, max(left, 0)), hung == 1 && left <= 0}
}

// goroutines is the least of a few counts, without those that come and go.
func goroutines() int {
	least := runtime.NumGoroutine()
	for range 20 {
		pause(time.Millisecond)
		least = min(least, runtime.NumGoroutine())
	}
	return least
}

func panicking(l library) outcome {
	s := l.open(spec{every: minimum, checks: []check{
		{name: "bad", do: func(context.Context) error { panic("a bug") }},
		{name: "good", do: pass},
	}})
	answers := await(func() bool { return s.up("good") })
	down := !s.up("bad")
	s.stop()
	return outcome{fmt.Sprintf("it is %s, the other %s", word(!down), word(answers)), answers && down}
}

func word(up bool) string { //nolint:revive // flag-parameter: it is the value
	if up {
		return "up"
	}
	return "down"
}

func stopEarly(l library) outcome {
	if l.stopEarly == nil {
		return outcome{Facts: "has neither"}
	}
	l.stopEarly()
	return outcome{"nothing happens", true}
}

func listener(l library) outcome {
	if l.listen == nil {
		return outcome{Facts: "has no listeners"}
	}
	told := make(chan struct{})
	var once sync.Once
	opened := make(chan *service, 1)
	go func() { // for even the start may be what blocks
		opened <- l.listen(check{name: "db", do: pass}, func() { once.Do(func() { close(told) }) })
	}()
	select {
	case <-told:
		(<-opened).stop()
		return outcome{"it gets its answer", true}
	case <-time.After(blocked):
		return outcome{Facts: "deadlock"}
	}
}
