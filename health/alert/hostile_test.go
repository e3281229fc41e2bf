package alert

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// abyss panics with itself when asked what it is, which fmt does not contain.
type abyss struct{}

func (abyss) Error() string { panic(abyss{}) }

// exit ends the goroutine that asks what it is.
type exit struct{}

func (exit) Error() string {
	runtime.Goexit()
	return ""
}

func TestErrorsOfReceiversMayMisbehave(t *testing.T) {
	for name, answer := range map[string]func(context.Context, Notification) error{
		"returns abyss": func(context.Context, Notification) error { return abyss{} },
		"returns exit":  func(context.Context, Notification) error { return exit{} },
		"panics abyss":  func(context.Context, Notification) error { panic(abyss{}) },
		"panics exit":   func(context.Context, Notification) error { panic(exit{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := &postbox{answer: answer}
				w := lone(t, box, nil)
				w.post([]Alert{firing("a")})
				advance(time.Minute)
				if n := len(box.times()); n < 5 {
					t.Errorf("tried %d times in a minute", n)
				}
				err := w.leftovers(nil)
				if err == nil || !strings.Contains(err.Error(), "1 alerts not delivered") {
					t.Errorf("left over: %v", err)
				}
			})
		})
	}
}
