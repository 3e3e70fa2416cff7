using System.Globalization;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Kvmi.Policy.Host.Control;

/// <summary>
/// GET /v1/tail: the run's output from now on, one line each, as JSON or as text. Ends with the run. The lines are rendered here, on the
/// request's thread, and written as fast as the reader takes them.
/// </summary>
internal static class TailRoute
{
    public static async Task ServeAsync(HttpContext context, HostView host)
    {
        var query = context.Request.Query;
        var format = query["format"] is [{ } word] ? word : "json";
        string[] kinds = query["kinds"] is [{ Length: > 0 } list] ? list.Split(',') : [];
        if (format is not ("json" or "text") || kinds.Except(RecordFilter.AllKinds).Any())
        {
            await ControlRoutes.ProblemAsync(
                context, 400, "No such filter", $"format is json or text, kinds are {string.Join(", ", RecordFilter.AllKinds)}.").ConfigureAwait(false);
            return;
        }

        var filter = new RecordFilter
        {
            Kinds = kinds,
            Policy = query["policy"] is [{ Length: > 0 } policy] ? policy : null,
            Vm = query["vm"] is [{ Length: > 0 } vm] ? vm : null,
        };
        if (host.Feed.TryAdd(filter) is not { } reader)
        {
            await ControlRoutes.ProblemAsync(
                context, 503, "Too many readers", $"{RecordFeed.MaxReaders} readers look on already, or the run is ending.").ConfigureAwait(false);
            return;
        }

        // A reader that takes its time loses lines and keeps its connection.
        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        try
        {
            context.Response.ContentType = format == "json" ? "application/x-ndjson" : "text/plain; charset=utf-8";
            await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
            await CopyAsync(context, host, reader, format == "json" ? new JsonLineRenderer() : new TextLineRenderer()).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The reader went away: the ordinary end of a tail.
        }
        finally
        {
            host.Feed.Remove(reader);
        }
    }

    private static async Task CopyAsync(HttpContext context, HostView host, RecordReader reader, ILineRenderer renderer)
    {
        var writer = context.Response.BodyWriter;
        await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        while (await reader.Lines.WaitToReadAsync(context.RequestAborted).ConfigureAwait(false))
        {
            for (var batch = 0; batch < 64 && reader.Lines.TryRead(out var record); batch++)
            {
                renderer.Render(record, writer);
            }

            if (reader.TakeLost() is > 0 and var lost)
            {
                renderer.Render(LostLine(host, lost), writer);
            }

            // Waits while the socket is full: that is the back-pressure, and it ends at the reader's own queue.
            if ((await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false)).IsCompleted)
            {
                return;
            }
        }
    }

    private static StatusOutput LostLine(HostView host, long lost) => new()
    {
        Time = host.Time.GetUtcNow(),
        Status = "tail-lost",
        Message = string.Create(CultureInfo.InvariantCulture, $"{Words.Count(lost, "line")} did not reach this reader, which is slower than the output."),
        Fields = [new OutputField("lost", lost)],
    };
}
