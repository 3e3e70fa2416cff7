using System.Globalization;
using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Containment.Worker;

namespace Kvmi.Policy.Host.Output;

/// <summary>The worker processes in the summary of a run, as JSON and as text; nothing when no policy needed one.</summary>
internal static class WorkerCounts
{
    public static void Write(Utf8JsonWriter json, WorkerCounters? workers)
    {
        if (workers is null)
            return;

        json.WriteStartObject("workers");
        json.WriteNumber("started", workers.Started);
        json.WriteNumber("failedStarts", workers.FailedStarts);
        json.WriteNumber("restarts", workers.Restarts);
        json.WriteNumber("messages", workers.Messages);
        json.WriteNumber("timeouts", workers.Timeouts);
        json.WriteNumber("deaths", workers.Deaths);
        json.WriteNumber("nonsense", workers.Nonsense);
        json.WriteEndObject();
    }

    public static void Write(StringBuilder line, WorkerCounters? workers)
    {
        if (workers is null)
            return;

        line.Append("; workers: ").Append(CultureInfo.InvariantCulture, $"{workers.Started} started");
        if (workers.FailedStarts > 0)
            line.Append(CultureInfo.InvariantCulture, $" ({workers.FailedStarts} did not start)");

        line.Append(CultureInfo.InvariantCulture, $", {Words.Count(workers.Messages, "message")}");
        if (workers.Timeouts + workers.Deaths + workers.Nonsense + workers.Restarts > 0)
        {
            line.Append(CultureInfo.InvariantCulture,
                $", {workers.Timeouts} ended late, {workers.Deaths} died, {workers.Nonsense} ended for nonsense, {Words.Count(workers.Restarts, "restart")}");
        }
    }
}
