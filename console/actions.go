package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// logLevel is the level of the program's logger while it is changed.
type logLevel struct {
	mu     sync.Mutex
	of     *slog.LevelVar
	usual  slog.Level  // before the first change
	revert *time.Timer // nil while the level is the usual one
	until  time.Time
}

// LogLevel is the level of the program's logger.
type LogLevel struct {
	Level string     `json:"level"` // as package slog writes it; empty when the console was given no logger's
	Usual string     `json:"usual"` // what it goes back to
	Until *time.Time `json:"until"` // null while the level is the usual one
}

// Times for which a level can be changed.
const (
	usualLevelTime   = 15 * time.Minute
	longestLevelTime = time.Hour
)

// AdoptLogLevel gives the console the level of the program's logger, which
// [Console.SetLogLevel] then changes. otelmon.Start calls it for a console among
// the taps.
func (c *Console) AdoptLogLevel(v *slog.LevelVar) {
	c.level.mu.Lock()
	defer c.level.mu.Unlock()
	c.level.of = v
}

// LogLevel returns the level of the program's logger.
func (c *Console) LogLevel() LogLevel {
	c.level.mu.Lock()
	defer c.level.mu.Unlock()
	return c.level.now()
}

func (l *logLevel) now() LogLevel {
	if l.of == nil {
		return LogLevel{}
	}
	if l.revert == nil {
		level := l.of.Level().String()
		return LogLevel{Level: level, Usual: level}
	}
	until := l.until
	return LogLevel{Level: l.of.Level().String(), Usual: l.usual.String(), Until: &until}
}

// SetLogLevel changes the level of the program's logger for a time, at most an
// hour; zero means a quarter of an hour. Then the level goes back to what it was
// before the first change, unless the program has set it meanwhile. It fails
// when the console was given no level, and when the time is out of range. An
// event tells of it; who is who asked for it.
func (c *Console) SetLogLevel(ctx context.Context, who string, level slog.Level, during time.Duration) (LogLevel, error) {
	if during == 0 {
		during = usualLevelTime
	}
	if during < time.Second || during > longestLevelTime {
		return LogLevel{}, fmt.Errorf("a level can be changed for one second to one hour, not %v", during)
	}
	now, err := c.level.change(level, during)
	if err == nil {
		c.audit(ctx, who, "set_log_level", fmt.Sprintf("%v for %v", level, during))
	}
	return now, err
}

func (l *logLevel) change(level slog.Level, during time.Duration) (LogLevel, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		return LogLevel{}, errors.New("the console was given no logger's level: put it into otelmon.Config.Taps, or call Console.AdoptLogLevel")
	}
	if l.revert == nil {
		l.usual = l.of.Level()
	} else {
		l.revert.Stop()
	}
	l.of.Set(level)
	l.until = time.Now().Add(during)
	l.revert = time.AfterFunc(during, func() { l.end(level) })
	return l.now(), nil
}

// end goes back to the usual level, if this change is the last one and the
// program has not changed the level itself.
func (l *logLevel) end(level slog.Level) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revert == nil || time.Now().Before(l.until) {
		return
	}
	l.revert = nil
	if l.of.Level() == level {
		l.of.Set(l.usual)
	}
}

// audit tells by an event what was done and who asked for it. It goes where all
// telemetry goes, this console included, and calls the program's processors, so
// nothing may be locked.
func (*Console) audit(ctx context.Context, who, action, detail string) {
	var r log.Record
	r.SetTimestamp(time.Now())
	r.SetEventName(keys.EventConsoleAction)
	r.SetSeverity(log.SeverityInfo)
	r.SetBody(attribute.StringValue(fmt.Sprintf("console: %s (%s) by %s", action, detail, who)))
	r.AddAttributes(
		attribute.String(keys.ConsoleAction, action),
		attribute.String(keys.ConsoleActionDetail, detail),
		attribute.String(keys.ConsoleActionBy, who),
	)
	otel.GetLoggerProvider().Logger(keys.ScopeConsole).Emit(ctx, r)
}
