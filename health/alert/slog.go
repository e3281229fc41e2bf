package alert

import (
	"context"
	"log/slog"
	"maps"
	"slices"
)

// logged tells a logger.
type logged struct{ logger *slog.Logger }

func (l logged) Notify(ctx context.Context, n Notification) error {
	logger := l.logger
	if logger == nil {
		logger = slog.Default()
	}
	for i := range n.Alerts {
		a := &n.Alerts[i]
		if n.replaced(a) {
			continue
		}
		level := slog.LevelWarn
		switch {
		case a.Resolved:
			level = slog.LevelInfo
		case a.Labels[labelSeverity] == critical:
			level = slog.LevelError
		}
		attrs := []slog.Attr{slog.Time("since", a.StartsAt)}
		for _, facts := range []map[string]string{a.Labels, a.Annotations} {
			for _, name := range slices.Sorted(maps.Keys(facts)) {
				if name != "summary" {
					attrs = append(attrs, slog.String(name, facts[name]))
				}
			}
		}
		logger.LogAttrs(ctx, level, a.Status()+": "+a.Annotations["summary"], attrs...)
	}
	return nil
}
