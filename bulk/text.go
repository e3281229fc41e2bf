package bulk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// opening is the sentence of the started event.
func (s Snapshot) opening() string {
	switch {
	case s.byBytes && s.TotalBytes >= 0:
		return fmt.Sprintf("%s started: %s to do", s.Name, size(s.TotalBytes))
	case s.Total < 0:
		return s.Name + " started"
	}
	return fmt.Sprintf("%s started: %s to do", s.Name, items(s.Total))
}

// sentence is that of the progress events, and the String of a snapshot.
func (s Snapshot) sentence() string {
	return s.Name + ": " + strings.Join(s.phrases(), ", ")
}

// resumption is that of the resumed event.
func (s Snapshot) resumption() string {
	return fmt.Sprintf("%s: goes on after %s without progress: %s", s.Name, span(s.Idle), s.amount())
}

// closing is the sentence of the finished event.
func (s Snapshot) closing() string {
	text := fmt.Sprintf("%s %s after %s: %s", s.Name, s.Result, span(s.Elapsed), strings.Join(s.phrases(), ", "))
	if s.Verdict.Sentence != "" {
		text += "; limited by " + s.Verdict.Sentence
	}
	return text
}

// String says in one sentence how the operation is doing.
func (s Snapshot) String() string {
	if s.Result != "" {
		return s.closing()
	}
	return s.sentence()
}

func (s Snapshot) phrases() []string {
	p := []string{s.amount()}
	if s.uncounted() > 0 {
		p = append(p, s.missing())
	}
	if s.Failed > 0 {
		p = append(p, fmt.Sprintf("%d failed", s.Failed))
	}
	if s.Skipped > 0 {
		p = append(p, s.skipping())
	}
	if s.Retried > 0 {
		p = append(p, fmt.Sprintf("%d retried", s.Retried))
	}
	if s.Bytes > 0 && !s.byBytes {
		p = append(p, size(s.Bytes))
	}
	if s.Slower {
		p = append(p, "slower than usual")
	}
	if s.Stalled {
		return append(p, "stalled for "+span(s.Idle))
	}
	if !s.onlySkips() {
		p = append(p, s.pace())
	}
	if s.Result == "" && s.ETA >= 0 {
		p = append(p, "about "+span(s.ETA)+" left")
	}
	return p
}

// amount is "5 of 20 items (25%)", or less where less is known.
func (s Snapshot) amount() string {
	if s.byBytes {
		return s.volume()
	}
	n := s.Items()
	if s.Total < 0 || s.Result != "" && n == s.Total {
		return items(n)
	}
	if n > s.Total {
		return fmt.Sprintf("%s where %d were expected", items(n), s.Total)
	}
	return fmt.Sprintf("%d of %s (%s)", n, items(s.Total), percent(s.Progress()))
}

// volume is amount where bytes are what is measured: "5 items, 1.0 GiB of
// 4.0 GiB (25%)".
func (s Snapshot) volume() string {
	text := ""
	if n := s.Items(); n > 0 {
		text = items(n) + ", "
	}
	text += size(s.Bytes)
	switch {
	case s.TotalBytes < 0 || s.Result != "" && s.Bytes == s.TotalBytes:
		return text
	case s.Bytes > s.TotalBytes:
		return fmt.Sprintf("%s where %s were expected", text, size(s.TotalBytes))
	}
	return fmt.Sprintf("%s of %s (%s)", text, size(s.TotalBytes), percent(s.Progress()))
}

func (s Snapshot) pace() string {
	if s.byBytes {
		return size(int64(math.Round(s.ByteRate))) + "/s"
	}
	return pace(s.Rate)
}

// onlySkips tells that nothing was processed, so that there is no rate to tell.
func (s Snapshot) onlySkips() bool { return s.Skipped > 0 && s.Items() == s.Skipped }

func (s Snapshot) missing() string {
	if s.Workers == 1 {
		return fmt.Sprintf("1 worker was not closed (up to %d items not counted)", s.uncounted())
	}
	return fmt.Sprintf("%d workers were not closed (up to %d items not counted)", s.Workers, s.uncounted())
}

func (s Snapshot) skipping() string {
	var reasons []string
	for _, r := range s.Skips {
		reasons = append(reasons, fmt.Sprintf("%s %d", r.Reason, r.Items))
	}
	return fmt.Sprintf("%d skipped (%s)", s.Skipped, strings.Join(reasons, ", "))
}

func items(n int64) string {
	if n == 1 {
		return "1 item"
	}
	return strconv.FormatInt(n, 10) + " items"
}

// percent rounds down: 100% is said only when all is done.
func percent(p float64) string { return fmt.Sprintf("%.0f%%", math.Floor(p*100)) }

func pace(rate float64) string {
	switch {
	case rate >= 1e6:
		return fmt.Sprintf("%.1fM/s", rate/1e6)
	case rate >= 1e4:
		return fmt.Sprintf("%.0fk/s", rate/1e3)
	case rate >= 100:
		return fmt.Sprintf("%.0f/s", rate)
	}
	return fmt.Sprintf("%.3g/s", rate)
}

func size(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, u := float64(n)/1024, 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	return fmt.Sprintf("%.1f %ciB", v, units[u])
}

// span is a duration with its two largest units: "350ms", "42s", "3m05s",
// "2h07m", "3d04h".
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	s := int64(d.Round(time.Second).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}
