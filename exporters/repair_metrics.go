package exporters

import (
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// validMetrics copies all that it changes: the SDK collects into the same
// memory again.
func validMetrics(rm *metricdata.ResourceMetrics) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{
		Resource: validResource(rm.Resource),
		ScopeMetrics: each(rm.ScopeMetrics, func(s metricdata.ScopeMetrics) metricdata.ScopeMetrics {
			return metricdata.ScopeMetrics{Scope: validScope(s.Scope), Metrics: each(s.Metrics, validMetric)}
		}),
	}
}

func validMetric(m metricdata.Metrics) metricdata.Metrics {
	return metricdata.Metrics{Name: valid(m.Name), Description: valid(m.Description), Unit: valid(m.Unit), Data: validData(m.Data)}
}

func validData(data metricdata.Aggregation) metricdata.Aggregation {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		d.DataPoints = each(d.DataPoints, validPoint)
		return d
	case metricdata.Gauge[float64]:
		d.DataPoints = each(d.DataPoints, validPoint)
		return d
	case metricdata.Sum[int64]:
		d.DataPoints = each(d.DataPoints, validPoint)
		return d
	case metricdata.Sum[float64]:
		d.DataPoints = each(d.DataPoints, validPoint)
		return d
	case metricdata.Histogram[int64]:
		d.DataPoints = each(d.DataPoints, validHistogram)
		return d
	case metricdata.Histogram[float64]:
		d.DataPoints = each(d.DataPoints, validHistogram)
		return d
	case metricdata.ExponentialHistogram[int64]:
		d.DataPoints = each(d.DataPoints, validExponential)
		return d
	case metricdata.ExponentialHistogram[float64]:
		d.DataPoints = each(d.DataPoints, validExponential)
		return d
	case metricdata.Summary:
		d.DataPoints = each(d.DataPoints, validSummary)
		return d
	}
	return data
}

func validPoint[N int64 | float64](p metricdata.DataPoint[N]) metricdata.DataPoint[N] {
	p.Attributes, p.Exemplars = validSet(p.Attributes), each(p.Exemplars, validExemplar)
	return p
}

func validHistogram[N int64 | float64](p metricdata.HistogramDataPoint[N]) metricdata.HistogramDataPoint[N] {
	p.Attributes, p.Exemplars = validSet(p.Attributes), each(p.Exemplars, validExemplar)
	return p
}

func validExponential[N int64 | float64](p metricdata.ExponentialHistogramDataPoint[N]) metricdata.ExponentialHistogramDataPoint[N] {
	p.Attributes, p.Exemplars = validSet(p.Attributes), each(p.Exemplars, validExemplar)
	return p
}

func validSummary(p metricdata.SummaryDataPoint) metricdata.SummaryDataPoint {
	p.Attributes = validSet(p.Attributes)
	return p
}

func validExemplar[N int64 | float64](e metricdata.Exemplar[N]) metricdata.Exemplar[N] {
	e.FilteredAttributes = validAttributes(e.FilteredAttributes)
	return e
}
