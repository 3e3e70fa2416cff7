namespace Kvmi.Simulator.Transport.Faults;

/// <summary>What is known of a kind of fault. Immutable.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Name">Its name in scenario files.</param>
/// <param name="Description">What it does, in one line.</param>
/// <param name="Scope">Messages that it looks at unless the scenario says otherwise.</param>
internal sealed record FaultDescription(FaultKind Kind, string Name, string Description, FaultScope Scope)
{
    /// <summary>True when the scenario may choose between events, replies and both.</summary>
    public bool ScopeIsFree { get; init; }

    /// <summary>
    /// True when a tool may give the connection up because of it, or the fault itself ends it. Such a fault happens once unless the scenario
    /// says otherwise; the others happen again and again.
    /// </summary>
    public bool Breaks { get; init; }

    /// <summary>What 'delay' is when the scenario does not say; null: the fault takes no delay.</summary>
    public TimeSpan? Delay { get; init; }

    /// <summary>True when the scenario may give a number of bytes.</summary>
    public bool TakesBytes { get; init; }

    /// <summary>The keys that a scenario may give with it.</summary>
    public IEnumerable<string> Keys()
    {
        string[] always = ["kind", "after", "every", "probability", "times"];
        return
        [
            .. always,
            .. ScopeIsFree ? ["on"] : Array.Empty<string>(),
            .. Delay is null ? Array.Empty<string>() : ["delay"],
            .. TakesBytes ? ["bytes"] : Array.Empty<string>(),
        ];
    }
}
