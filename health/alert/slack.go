package alert

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// slack speaks Slack's incoming webhooks:
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
type slack struct{ endpoint *endpoint }

const (
	maxSlackText    = 4000 // characters that Slack recommends at most; we count bytes
	maxSlackMessage = 500  // of a check's message within them
)

func (s slack) Notify(ctx context.Context, n Notification) error {
	text := slackText(&n)
	if text == "" {
		return nil
	}
	return s.endpoint.post(ctx, map[string]string{"text": text})
}

func slackText(n *Notification) string {
	var b strings.Builder
	for i := range n.Alerts {
		a := &n.Alerts[i]
		if n.replaced(a) {
			continue
		}
		part := slackAlert(a)
		if b.Len()+len(part) > maxSlackText {
			fmt.Fprintf(&b, "… and %d more\n", len(n.Alerts)-i)
			break
		}
		b.WriteString(part)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func slackAlert(a *Alert) string {
	said := a.Annotations
	if a.Resolved {
		return fmt.Sprintf(":white_check_mark: *resolved* after %v: %s\n",
			a.EndsAt.Sub(a.StartsAt).Round(time.Second), slackEscape(said["summary"]))
	}
	sign := ":warning:"
	if a.Labels[labelSeverity] == critical {
		sign = ":rotating_light:"
	}
	lines := []string{fmt.Sprintf("%s *firing* since %s: %s", sign, a.StartsAt.UTC().Format(time.RFC3339), slackEscape(said["summary"]))}
	if message := said["description"]; message != "" {
		lines = append(lines, slackEscape(clip(strings.Join(strings.Fields(message), " "), maxSlackMessage)))
	}
	if others := said["dependants"]; others != "" {
		lines = append(lines, "fail because of it: "+slackEscape(others))
	}
	if link := said["runbook_url"]; link != "" {
		lines = append(lines, "<"+slackLink(link)+"|runbook>")
	}
	return strings.Join(lines, "\n> ") + "\n"
}

// slackEscape escapes the characters that control Slack's formatting, among
// them what mentions everybody.
func slackEscape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

func slackLink(link string) string {
	return strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C").Replace(link)
}
