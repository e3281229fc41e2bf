package alert

import (
	"context"
	"maps"
	"strconv"
	"time"
)

// webhook speaks version 4 of what Alertmanager sends to webhooks:
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type webhook struct{ endpoint *endpoint }

type webhookMessage struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"` // what is too much for one message comes with the next
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []webhookAlert    `json:"alerts"`
}

type webhookAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"` // zero while firing
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

func (w webhook) Notify(ctx context.Context, n Notification) error {
	message := webhookMessage{
		Version:     "4",
		GroupKey:    "{}:{" + labelJob + "=" + strconv.Quote(n.Job) + "}",
		Status:      "resolved",
		Receiver:    n.Receiver,
		GroupLabels: map[string]string{labelJob: n.Job},
	}
	for i := range n.Alerts {
		a := &n.Alerts[i]
		if !a.Resolved {
			message.Status = a.Status()
		}
		message.Alerts = append(message.Alerts, webhookAlert{
			Status: a.Status(), Labels: a.Labels, Annotations: a.Annotations,
			StartsAt: a.StartsAt, EndsAt: a.EndsAt, Fingerprint: a.Fingerprint(),
		})
		message.CommonLabels = common(message.CommonLabels, a.Labels, i == 0)
		message.CommonAnnotations = common(message.CommonAnnotations, a.Annotations, i == 0)
	}
	return w.endpoint.post(ctx, message)
}

// common leaves of shared what one more alert has, too.
func common(shared, more map[string]string, first bool) map[string]string { //nolint:revive // flag-parameter: of the first, all is common
	if first {
		return maps.Clone(more)
	}
	maps.DeleteFunc(shared, func(name, value string) bool { return more[name] != value })
	return shared
}
