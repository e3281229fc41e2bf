package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/prometheus/otlptranslator"
)

// names knows what Prometheus calls the metrics and attributes of
// docs/telemetry.md.
type names struct {
	metrics    map[string]otlptranslator.Metric
	attributes map[string]bool
	faults     []error // of what was asked and is not documented
}

// readNames reads the tables of metrics.
func readNames(file string) (*names, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	n := &names{metrics: make(map[string]otlptranslator.Metric), attributes: make(map[string]bool)}
	quoted := regexp.MustCompile("`([a-z0-9_.]+)`")
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		cells := strings.Split(strings.Trim(lines.Text(), "|"), "|")
		if len(cells) != 5 {
			continue
		}
		kind, ok := kinds()[strings.TrimSpace(cells[1])]
		name := quoted.FindStringSubmatch(cells[0])
		if !ok || name == nil {
			continue
		}
		n.metrics[name[1]] = otlptranslator.Metric{Name: name[1], Unit: strings.TrimSpace(cells[2]), Type: kind}
		for _, attribute := range quoted.FindAllStringSubmatch(cells[3], -1) {
			n.attributes[attribute[1]] = true
		}
	}
	return n, lines.Err()
}

func kinds() map[string]otlptranslator.MetricType {
	return map[string]otlptranslator.MetricType{
		"counter":       otlptranslator.MetricTypeMonotonicCounter,
		"updowncounter": otlptranslator.MetricTypeNonMonotonicCounter,
		"gauge":         otlptranslator.MetricTypeGauge,
		"histogram":     otlptranslator.MetricTypeHistogram,
	}
}

// metric is a metric's name after the strategy of deploy/prometheus.yaml.
func (n *names) metric(key string) string {
	m, ok := n.metrics[key]
	if !ok {
		n.faults = append(n.faults, fmt.Errorf("%s is no metric of docs/telemetry.md", key))
		return ""
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	name, err := namer.Build(m)
	if err != nil {
		n.faults = append(n.faults, fmt.Errorf("%s: %w", key, err))
	}
	return name
}

// label is the name of an attribute's label.
func (n *names) label(key string) string {
	if !n.attributes[key] {
		n.faults = append(n.faults, fmt.Errorf("%s is no attribute of a metric of docs/telemetry.md", key))
	}
	return n.field(key)
}

// field is the name of an attribute in Loki, which has those of events as well.
func (n *names) field(key string) string {
	name, err := new(otlptranslator.LabelNamer).Build(key)
	if err != nil {
		n.faults = append(n.faults, fmt.Errorf("%s: %w", key, err))
	}
	return name
}

// What otelmon emits without owning the name.
const (
	errorType = "error.type"

	httpServerDuration = "http.server.request.duration"
	httpClientDuration = "http.client.request.duration"
	httpRoute          = "http.route"
	httpStatus         = "http.response.status_code"
	serverAddress      = "server.address"

	goGoroutines    = "go.goroutine.count"
	goMemoryUsed    = "go.memory.used"
	goMemoryType    = "go.memory.type"
	goMemoryGoal    = "go.memory.gc.goal"
	goMemoryLimit   = "go.memory.limit"
	goProcessors    = "go.processor.limit"
	goScheduleTime  = "go.schedule.duration"
	goPauseTime     = "go.memory.gc.pause.duration"
	processCPU      = "process.cpu.time"
	processCPUMode  = "cpu.mode"
	processResident = "process.memory.usage"
	processUptime   = "process.uptime"
)
