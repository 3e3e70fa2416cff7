namespace Kvmi.Policy;

/// <summary>
/// A policy's vote on one event. Handlers get decisions from the members of <see cref="PolicyBase"/>; which kinds are
/// legal depends on the event, and the engine refuses the others as a policy error.
/// </summary>
public readonly struct Decision : IEquatable<Decision>
{
    private Decision(DecisionKind kind, ulong value, GuestException exception, Delegate? otherwise)
    {
        Kind = kind;
        Value = value;
        Exception = exception;
        Otherwise = otherwise;
    }

    /// <summary>Which decision.</summary>
    public DecisionKind Kind { get; }

    /// <summary>The value of <see cref="DecisionKind.Set"/> and <see cref="DecisionKind.Keep"/>.</summary>
    public ulong Value { get; }

    /// <summary>The exception of <see cref="DecisionKind.Inject"/>.</summary>
    public GuestException Exception { get; }

    /// <summary>
    /// The handler that runs instead when this decision cannot or may not be carried out: in audit mode, or when the VM's
    /// device manager forbids the command. Null: allow, and for a page fault release the page and retry.
    /// </summary>
    public Delegate? Otherwise { get; }

    /// <summary>Lets it happen.</summary>
    public static Decision Allow => default;

    /// <summary>Enters the guest again at the same instruction.</summary>
    public static Decision Retry => new(DecisionKind.Retry, 0, default, null);

    /// <summary>Moves behind the instruction without carrying it out.</summary>
    public static Decision Skip(Delegate? otherwise = null) => new(DecisionKind.Skip, 0, default, otherwise);

    /// <summary>Keeps the old value of a register.</summary>
    /// <param name="old">The event's old value; another number is a policy error, <see cref="Set"/> is for that.</param>
    public static Decision Keep(ulong old) => new(DecisionKind.Keep, old, default, null);

    /// <summary>Installs another value in the register.</summary>
    public static Decision Set(ulong value) => new(DecisionKind.Set, value, default, null);

    /// <summary>Delivers an exception to the vCPU.</summary>
    public static Decision Inject(GuestException exception, Delegate? otherwise = null) =>
        new(DecisionKind.Inject, 0, exception, otherwise);

    /// <summary>Ends the guest.</summary>
    public static Decision Crash(Delegate? otherwise = null) => new(DecisionKind.Crash, 0, default, otherwise);

    /// <summary>Compares two decisions.</summary>
    public static bool operator ==(Decision left, Decision right) => left.Equals(right);

    /// <summary>Compares two decisions.</summary>
    public static bool operator !=(Decision left, Decision right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(Decision other) =>
        Kind == other.Kind && Value == other.Value && Exception == other.Exception && ReferenceEquals(Otherwise, other.Otherwise);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Decision other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Value, Exception);

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        DecisionKind.Set or DecisionKind.Keep => $"{Kind} 0x{Value:x}",
        DecisionKind.Inject => $"{Kind} {Exception}",
        _ => Kind.ToString(),
    };
}
