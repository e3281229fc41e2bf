package alert

import (
	"errors"
	"fmt"
	"log/slog"
)

// A Receiver is somebody to be told of alerts: an entry of [Options.Receivers],
// made by [Alertmanager], [Webhook], [Slack], [Slog] or [To]. In telemetry it is
// called by its kind; the second of a kind is "webhook-2".
type Receiver struct {
	name      string
	notifiers []Notifier // each with a worker of its own
	refreshed bool       // it must hear of an alert again and again, or takes it for over
	faults    []error
}

// Alertmanager posts alerts to Prometheus Alertmanager's API v2, at
// /api/v2/alerts below each of the base URLs, as http://alertmanager:9093. Give
// every member of a cluster, not a balancer before them: each is told all, on
// its own, which is how the cluster expects it. User and password in the URL
// are sent as basic authentication.
//
// An alert is sent again every minute while it fires, and for 15 min after its
// end. It says until when it is to be believed: four minutes or four intervals
// of the check, so it ends by itself when the process does. It goes on while its
// check is muted, for to leave it out would read as its end.
//
// Instances of a service send the same labels and so cause one alert. It ends
// when the first of them is well, and comes back with the next word of another.
func Alertmanager(urls ...string) Receiver {
	r := Receiver{name: "alertmanager", refreshed: true}
	if len(urls) == 0 {
		r.faults = append(r.faults, errors.New("alert: Alertmanager needs a URL"))
	}
	for _, raw := range urls {
		e, err := newEndpoint(raw, "api", "v2", "alerts")
		r.add(alertmanager{e}, err)
	}
	return r
}

// Webhook posts notifications in the JSON form of Alertmanager's webhook,
// version 4, grouped by job: whatever understands Alertmanager understands it.
// Every status from 200 to 299 is success. User and password in the URL are sent
// as basic authentication.
//
// It is told of the beginning, of the end, and reminded in between. So is each
// further instance's: with several instances use [Alertmanager].
func Webhook(url string) Receiver {
	r := Receiver{name: "webhook"}
	e, err := newEndpoint(url)
	r.add(webhook{e}, err)
	return r
}

// Slack posts messages to an incoming webhook of Slack, or of what imitates it,
// as Mattermost. The URL is a secret and shows up nowhere. It is told when
// [Webhook] is.
func Slack(url string) Receiver {
	r := Receiver{name: "slack"}
	e, err := newEndpoint(url)
	r.add(slack{e}, err)
	return r
}

// Slog logs each alert: at ERROR if it is critical, at WARN if it is a warning,
// at INFO when it is over. Nil means slog.Default(), as of each message.
func Slog(logger *slog.Logger) Receiver {
	r := Receiver{name: "slog"}
	r.add(logged{logger}, nil)
	return r
}

// To tells n, and calls it by that name. It is told when [Webhook] is.
func To(name string, n Notifier) Receiver {
	r := Receiver{name: name}
	switch {
	case name == "":
		r.faults = append(r.faults, errors.New("alert: To needs a name"))
	case n == nil:
		r.faults = append(r.faults, fmt.Errorf("alert: %s: the Notifier is nil", name))
	default:
		r.add(n, nil)
	}
	return r
}

func (r *Receiver) add(n Notifier, fault error) {
	if fault != nil {
		r.faults = append(r.faults, fmt.Errorf("alert: %s: %w", r.name, fault))
		return
	}
	r.notifiers = append(r.notifiers, n)
}
