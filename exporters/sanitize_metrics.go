package exporters

import (
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelmon/otelmon-go/internal/sanitize"
)

// metrics is as span. The SDK collects into the same memory again, so rm stays
// as it is.
func (z *sanitizer) metrics(rm *metricdata.ResourceMetrics) *metricdata.ResourceMetrics {
	res := rm.Resource
	if res != nil {
		res = z.cleanResource(res)
	}
	scopes, changed := sanitize.Each(rm.ScopeMetrics, func(s metricdata.ScopeMetrics) (metricdata.ScopeMetrics, bool) {
		scope, scopeChanged := z.cleanScope(s.Scope)
		all, allChanged := sanitize.Each(s.Metrics, z.metric)
		return metricdata.ScopeMetrics{Scope: scope, Metrics: all}, scopeChanged || allChanged
	})
	if !changed && res == rm.Resource {
		return rm
	}
	return &metricdata.ResourceMetrics{Resource: res, ScopeMetrics: scopes}
}

func (z *sanitizer) metric(m metricdata.Metrics) (metricdata.Metrics, bool) {
	changed := false
	switch d := m.Data.(type) {
	case metricdata.Gauge[int64]:
		d.DataPoints, changed = cleanPoints(z, d.DataPoints)
		m.Data = d
	case metricdata.Gauge[float64]:
		d.DataPoints, changed = cleanPoints(z, d.DataPoints)
		m.Data = d
	case metricdata.Sum[int64]:
		d.DataPoints, changed = cleanPoints(z, d.DataPoints)
		m.Data = d
	case metricdata.Sum[float64]:
		d.DataPoints, changed = cleanPoints(z, d.DataPoints)
		m.Data = d
	case metricdata.Histogram[int64]:
		d.DataPoints, changed = cleanHistograms(z, d.DataPoints)
		m.Data = d
	case metricdata.Histogram[float64]:
		d.DataPoints, changed = cleanHistograms(z, d.DataPoints)
		m.Data = d
	case metricdata.ExponentialHistogram[int64]:
		d.DataPoints, changed = cleanExponentials(z, d.DataPoints)
		m.Data = d
	case metricdata.ExponentialHistogram[float64]:
		d.DataPoints, changed = cleanExponentials(z, d.DataPoints)
		m.Data = d
	case metricdata.Summary:
		d.DataPoints, changed = sanitize.Each(d.DataPoints, func(p metricdata.SummaryDataPoint) (metricdata.SummaryDataPoint, bool) {
			set, changed := z.cleanSet(p.Attributes)
			p.Attributes = set
			return p, changed
		})
		m.Data = d
	}
	return m, changed
}

func cleanPoints[N int64 | float64](z *sanitizer, all []metricdata.DataPoint[N]) ([]metricdata.DataPoint[N], bool) {
	return sanitize.Each(all, func(p metricdata.DataPoint[N]) (metricdata.DataPoint[N], bool) {
		set, setChanged := z.cleanSet(p.Attributes)
		exemplars, exemplarsChanged := cleanExemplars(z, p.Exemplars)
		p.Attributes, p.Exemplars = set, exemplars
		return p, setChanged || exemplarsChanged
	})
}

func cleanHistograms[N int64 | float64](z *sanitizer, all []metricdata.HistogramDataPoint[N]) ([]metricdata.HistogramDataPoint[N], bool) {
	return sanitize.Each(all, func(p metricdata.HistogramDataPoint[N]) (metricdata.HistogramDataPoint[N], bool) {
		set, setChanged := z.cleanSet(p.Attributes)
		exemplars, exemplarsChanged := cleanExemplars(z, p.Exemplars)
		p.Attributes, p.Exemplars = set, exemplars
		return p, setChanged || exemplarsChanged
	})
}

func cleanExponentials[N int64 | float64](z *sanitizer, all []metricdata.ExponentialHistogramDataPoint[N]) ([]metricdata.ExponentialHistogramDataPoint[N], bool) {
	return sanitize.Each(all, func(p metricdata.ExponentialHistogramDataPoint[N]) (metricdata.ExponentialHistogramDataPoint[N], bool) {
		set, setChanged := z.cleanSet(p.Attributes)
		exemplars, exemplarsChanged := cleanExemplars(z, p.Exemplars)
		p.Attributes, p.Exemplars = set, exemplars
		return p, setChanged || exemplarsChanged
	})
}

func cleanExemplars[N int64 | float64](z *sanitizer, all []metricdata.Exemplar[N]) ([]metricdata.Exemplar[N], bool) {
	return sanitize.Each(all, func(e metricdata.Exemplar[N]) (metricdata.Exemplar[N], bool) {
		attrs, attrsChanged := changed(e.FilteredAttributes, z.rules.Attributes)
		e.FilteredAttributes = attrs
		return e, attrsChanged
	})
}
