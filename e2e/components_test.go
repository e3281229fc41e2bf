//nolint:forbidigo // Factory is the word that the Collector uses
package e2e

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/servicegraphconnector"
	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourceprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kafkareceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func settings(a *arrivals) otelcol.CollectorSettings {
	return otelcol.CollectorSettings{
		BuildInfo:               component.BuildInfo{Command: "otelcol-e2e", Version: "0.165.0"},
		Factories:               factories,
		DisableGracefulShutdown: true, // signals belong to the test
		SkipSettingGRPCLogger:   true,
		LoggingOptions: []zap.Option{zap.WrapCore(func(zapcore.Core) zapcore.Core {
			return a.logCore()
		})},
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:              []string{"file:" + collectorConfig},
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory(), envprovider.NewFactory()},
		}},
	}
}

// factories are the components that the Collectors of deploy name. The contrib
// image of docker-compose.yaml holds them all.
func factories() (otelcol.Factories, error) {
	return otelcol.Factories{
		Telemetry:  otelconftelemetry.NewFactory(),
		Extensions: byType[extension.Factory](healthcheckextension.NewFactory(), filestorage.NewFactory()),
		Receivers:  byType[receiver.Factory](otlpreceiver.NewFactory(), kafkareceiver.NewFactory()),
		Processors: byType[processor.Factory](memorylimiterprocessor.NewFactory(), tailsamplingprocessor.NewFactory(), resourceprocessor.NewFactory(), transformprocessor.NewFactory()),
		Connectors: byType[connector.Factory](spanmetricsconnector.NewFactory(), serviceGraph()),
		Exporters:  byType[exporter.Factory](otlpexporter.NewFactory(), otlphttpexporter.NewFactory(), kafkaexporter.NewFactory(), loadbalancingexporter.NewFactory()),
	}, nil
}

// serviceGraph is the connector under the name that it has in the image; the newest
// version that is published as a module has the name it had before.
func serviceGraph() connector.Factory {
	f := servicegraphconnector.NewFactory()
	return connector.NewFactory(component.MustNewType("service_graph"), f.CreateDefaultConfig, connector.WithTracesToMetrics(
		func(ctx context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Traces, error) {
			set.ID = component.NewID(f.Type())
			return f.CreateTracesToMetrics(ctx, set, cfg, next)
		}, f.TracesToMetricsStability()))
}

func byType[F component.Factory](factories ...F) map[component.Type]F {
	types := make(map[component.Type]F, len(factories))
	for _, f := range factories {
		types[f.Type()] = f
	}
	return types
}
