package otelmon

import (
	"context"
	"log/slog"
	"math"
)

// The SDK logs warnings at V(1), information at V(4) and the rest at V(8),
// which logr hands to slog as levels below info.
const (
	sdkWarn  = slog.Level(-1)
	sdkInfo  = slog.Level(-4)
	sdkDebug = slog.Level(-8)
)

// sdkLevel is the least level told under a value of OTEL_LOG_LEVEL.
func sdkLevel(name string) slog.Level {
	switch name {
	case "none":
		return math.MaxInt
	case "error":
		return slog.LevelError
	case "warn":
		return sdkWarn
	case "info":
		return sdkInfo
	}
	return sdkDebug
}

// sdkLog is the handler of the SDK's own log. It calls its levels by the names
// that slog knows.
type sdkLog struct {
	slog.Handler
	least slog.Level
}

func (h sdkLog) Enabled(_ context.Context, l slog.Level) bool { return l >= h.least }

func (h sdkLog) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case r.Level >= slog.LevelError:
	case r.Level >= sdkWarn:
		r.Level = slog.LevelWarn
	case r.Level >= sdkInfo:
		r.Level = slog.LevelInfo
	default:
		r.Level = slog.LevelDebug
	}
	return h.Handler.Handle(ctx, r)
}

func (h sdkLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sdkLog{h.Handler.WithAttrs(attrs), h.least}
}

func (h sdkLog) WithGroup(name string) slog.Handler {
	return sdkLog{h.Handler.WithGroup(name), h.least}
}
