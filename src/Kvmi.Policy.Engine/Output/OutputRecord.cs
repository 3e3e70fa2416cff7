namespace Kvmi.Policy.Engine.Output;

/// <summary>One line of the product's output, before it is text or JSON. Strings from the guest are escaped by the renderer.</summary>
public abstract record OutputRecord
{
    /// <summary>When it happened, UTC.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The VM's name, or its UUID when the name is empty; null when no VM is concerned.</summary>
    public string? Vm { get; init; }
}
