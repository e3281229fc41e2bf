package main

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// link leads from a value to somewhere else.
type link struct{ title, url string }

// Build is what Grafana's library asks of everything that becomes JSON.
func (l link) Build() (dashboard.DashboardLink, error) {
	return dashboard.DashboardLink{Title: l.title, Url: &l.url, Tags: []string{}}, nil
}

// tracesOf lead to the traces of the service that have the tags, in the syntax of
// logfmt.
func tracesOf(title, tags string) link {
	return explore(title, "${traces}", map[string]any{"refId": "A", "queryType": "search", "service": "${name}", "tags": tags, "limit": 50})
}

// logsOf lead to log records of the service.
func logsOf(title, filter string) link {
	return explore(title, "${logs}", map[string]any{"refId": "A", "queryType": "range", "expr": serviceLogs + filter})
}

const serviceLogs = `{service_name="${name}"}`

// clicked is the value of a label of what was clicked on.
func (n *names) clicked(key string) string {
	return "${__field.labels." + n.labelOrOwn(key) + "}"
}

// explore shows a query in Grafana's Explore, over the time that the dashboard
// shows. Variables are filled in by Grafana, encoded for a URL.
func explore(title, source string, query map[string]any) link {
	panes, _ := json.Marshal(map[string]any{"o": map[string]any{ // of strings, numbers and maps: it cannot fail
		"datasource": source,
		"queries":    []any{query},
		"range":      map[string]string{"from": "${__from}", "to": "${__to}"},
	}})
	var b strings.Builder
	last := 0
	for _, at := range regexp.MustCompile(`\$\{[^}]+\}`).FindAllIndex(panes, -1) {
		b.WriteString(url.QueryEscape(string(panes[last:at[0]])))
		b.WriteString(strings.TrimSuffix(string(panes[at[0]:at[1]]), "}") + ":percentencode}")
		last = at[1]
	}
	b.WriteString(url.QueryEscape(string(panes[last:])))
	return link{title, "/explore?schemaVersion=1&panes=" + b.String()}
}

// board leads to another dashboard, with the service, the instance and the time.
func board(title, uid string) link {
	return link{title, "/d/" + uid + "?${service:queryparam}&${instance:queryparam}&${__url_time_range}"}
}
