using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>Counts the lines of output. Written by the engine's output thread, read after a flush.</summary>
internal sealed class SoakOutput : IOutputSink
{
    private readonly Dictionary<string, long> _statuses = [];

    public long Alerts { get; private set; }

    public long Records { get; private set; }

    public long Decisions { get; private set; }

    /// <summary>Status lines by their word.</summary>
    public IReadOnlyDictionary<string, long> Statuses => _statuses;

    public ConcurrentQueue<string> LeaseErrors { get; } = [];

    public void Write(OutputRecord record)
    {
        switch (record)
        {
            case NoticeOutput { IsAlert: true }:
                Alerts++;
                break;
            case NoticeOutput:
                Records++;
                break;
            case DecisionOutput:
                Decisions++;
                break;
            case StatusOutput status:
                _statuses[status.Status] = _statuses.GetValueOrDefault(status.Status) + 1;

                // Who cuts a connection cuts it while leases are given back, too; that is said, and no error of anybody's.
                if (status.Status == "lease-error" && !status.Message.StartsWith("The connection was lost while leases were given back", StringComparison.Ordinal))
                {
                    LeaseErrors.Enqueue($"{status.Vm}: {status.Message}");
                }

                break;
        }
    }
}
