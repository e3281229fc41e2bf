package main

import (
	"strconv"
	"strings"
)

// of selects the series of a metric that the variables of a dashboard choose,
// and the matchers.
func (n *names) of(key string, matchers ...string) string {
	return n.part(key, "", matchers...)
}

// count selects how often a histogram was observed.
func (n *names) count(key string, matchers ...string) string {
	return n.part(key, "_count", matchers...)
}

// total selects the sum of what a histogram observed.
func (n *names) total(key string, matchers ...string) string {
	return n.part(key, "_sum", matchers...)
}

func (n *names) part(key, suffix string, matchers ...string) string {
	all := append([]string{`job="$service"`, `instance=~"$instance"`}, matchers...)
	return n.metric(key) + suffix + "{" + strings.Join(all, ",") + "}"
}

// is matches a value of an attribute, like a regular expression.
func (n *names) is(key, value string) string { return n.label(key) + "=" + strconv.Quote(value) }

func (n *names) like(key, pattern string) string { return n.label(key) + "=~" + strconv.Quote(pattern) }

// by aggregates over all labels but those of the attributes.
func (n *names) by(operator, expr string, attributes ...string) string {
	if len(attributes) == 0 {
		return operator + "(" + expr + ")"
	}
	labels := make([]string, len(attributes))
	for i, key := range attributes {
		labels[i] = n.labelOrOwn(key)
	}
	return operator + " by (" + strings.Join(labels, ", ") + ") (" + expr + ")"
}

// instance is the label of Prometheus' own for service.instance.id, bound that of a
// histogram's buckets.
const (
	instance = "instance"
	bound    = "le"
)

func (n *names) labelOrOwn(key string) string {
	if key == instance || key == bound {
		return key
	}
	return n.label(key)
}

// rate is per second.
func rate(selector string) string { return "rate(" + selector + "[$__rate_interval])" }

// grown is by how much counters have grown in an interval. Of failures the first is
// what matters: it makes the series, so that a rate, which needs one before, would
// not show it. A series is that of one process, so it does not begin anew.
func grown(selector string) string {
	return "(clamp_min(" + selector + " - " + selector + " offset $__interval, 0) or " + selector + ")"
}

// quantile estimates one of a histogram.
func (n *names) quantile(q, key string, matchers []string, attributes ...string) string {
	buckets := rate(n.part(key, "_bucket", matchers...))
	return "histogram_quantile(" + q + ", " + n.by("sum", buckets, append([]string{bound}, attributes...)...) + ")"
}

// ofWhich is the share that a part has of all, and 0 where there is no part.
func ofWhich(part, all string) string {
	return "(" + part + " or " + all + " * 0) / (" + all + " > 0)"
}

// legend shows the values of attributes.
func (n *names) legend(attributes ...string) string {
	parts := make([]string, len(attributes))
	for i, key := range attributes {
		parts[i] = "{{" + n.labelOrOwn(key) + "}}"
	}
	return strings.Join(parts, " ")
}
