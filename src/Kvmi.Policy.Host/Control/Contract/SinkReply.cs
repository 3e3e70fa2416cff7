namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>A sink of a host.</summary>
internal sealed record SinkReply
{
    public required string Sink { get; init; }

    public required long Delivered { get; init; }

    public required long Lost { get; init; }

    public required long Waiting { get; init; }

    /// <summary>Tries that failed.</summary>
    public required long Failures { get; init; }

    /// <summary>True while the last try has failed.</summary>
    public required bool Failing { get; init; }
}
