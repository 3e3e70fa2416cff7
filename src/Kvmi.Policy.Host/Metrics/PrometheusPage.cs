using Microsoft.AspNetCore.Http;

namespace Kvmi.Policy.Host.Metrics;

/// <summary>GET /metrics.</summary>
internal sealed class PrometheusPage
{
    private readonly MetricCatalogue _catalogue;

    public PrometheusPage(MetricCatalogue catalogue) => _catalogue = catalogue;

    /// <summary>The whole page.</summary>
    public string Render()
    {
        var reading = _catalogue.Read();
        var text = new PrometheusText();
        foreach (var family in MetricCatalogue.Families)
        {
            text.Add(family, reading);
        }

        return text.ToString();
    }

    /// <summary>Answers a scrape.</summary>
    public Task WriteAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return context.Response.WriteAsync(Render(), context.RequestAborted);
    }
}
