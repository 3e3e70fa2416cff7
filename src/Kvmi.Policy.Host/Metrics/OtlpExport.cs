using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Kvmi.Policy.Host.Metrics;

/// <summary>Sends the meter's values to an OpenTelemetry collector, OTLP over HTTP, every 60 s and once at the end.</summary>
internal static class OtlpExport
{
    /// <summary>Starts sending.</summary>
    /// <param name="collector">The collector's URL without a path of a signal; null for none.</param>
    /// <returns>Dispose it while the meter still is there; null when nothing is sent.</returns>
    public static IDisposable? Create(Uri? collector) => collector is null
        ? null
        : Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService("kvmi-policy", serviceVersion: Program.Version))
            .AddMeter(PolicyMeter.Name)
            .AddOtlpExporter(exporter =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = new Uri($"{collector.AbsoluteUri.TrimEnd('/')}/v1/metrics");
                exporter.TimeoutMilliseconds = 2_000;
            })
            .Build();
}
