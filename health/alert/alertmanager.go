package alert

import (
	"context"
	"time"
)

// alertmanager speaks API v2 of Prometheus Alertmanager:
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
type alertmanager struct{ endpoint *endpoint }

type postableAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

func (a alertmanager) Notify(ctx context.Context, n Notification) error {
	now := time.Now()
	payload := make([]postableAlert, len(n.Alerts))
	for i, alert := range n.Alerts {
		ends := alert.EndsAt
		if !alert.Resolved {
			ends = now.Add(alert.lease)
		}
		payload[i] = postableAlert{alert.Labels, alert.Annotations, alert.StartsAt, ends}
	}
	return a.endpoint.post(ctx, payload)
}
