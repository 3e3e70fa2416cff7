using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Testing.Rig;

/// <summary>Keeps the engine's output. Any thread may write and take.</summary>
public sealed class OutputRecorder : IOutputSink
{
    private readonly Lock _lock = new();
    private List<OutputRecord> _records = [];

    /// <inheritdoc/>
    public void Write(OutputRecord record)
    {
        lock (_lock)
        {
            _records.Add(record);
        }
    }

    /// <summary>Everything since the last call, in order.</summary>
    public IReadOnlyList<OutputRecord> Take()
    {
        lock (_lock)
        {
            var taken = _records;
            _records = [];
            return taken;
        }
    }
}
