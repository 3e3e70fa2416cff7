namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>A part of a one-liner's expression, as C#.</summary>
/// <param name="Code">The C#, with marks (<see cref="SourceMarks"/>) that say where it comes from.</param>
/// <param name="Type">What it gives.</param>
/// <param name="Position">Where it stands in the one-liner.</param>
internal sealed record Expression(string Code, ExpressionType Type, int Position)
{
    /// <summary>The number, when it is known already.</summary>
    public ulong? Constant { get; init; }

    /// <summary>The event's field that it is, and nothing else.</summary>
    public EventField? Field { get; init; }

    /// <summary>A constant of page access or of a descriptor table, as files write it.</summary>
    public string? Word { get; init; }

    /// <summary>The filter that means the same; null when none does.</summary>
    public FilterPart? Filter { get; init; }

    /// <summary>What an event must have to fulfil it; null when that cannot be said so simply.</summary>
    public Demand? Demand { get; init; }

    /// <summary>The conditions that it joins by &amp;&amp;; empty when it is no such list.</summary>
    public IReadOnlyList<Expression> Conjuncts { get; init; } = [];
}
