using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Model;

/// <summary>A parameter with the value that is in force.</summary>
/// <param name="Name">Name.</param>
/// <param name="Type">Type of the value, or of the elements of a list.</param>
/// <param name="IsList">True for a list.</param>
/// <param name="Value">
/// bool, long, string, ulong (gva, gpa), <see cref="ValueRange"/>, <see cref="TimeSpan"/> or <see cref="PageHash"/>;
/// for a list an <see cref="IReadOnlyList{T}"/> of object holding those.
/// </param>
/// <param name="Description">Description from the file.</param>
/// <param name="Location">Where it is declared.</param>
public sealed record PolicyParameter(
    string Name, ParameterType Type, bool IsList, object Value, string? Description, SourceLocation Location)
{
    /// <summary>Who gave the value.</summary>
    public ParameterSource Source { get; init; }

    /// <summary>The value as a policy file would have it; a string without its quotes.</summary>
    public string ValueText => Value is IReadOnlyList<object> list ? $"[{string.Join(", ", list.Select(RawValues.Show))}]" : RawValues.Show(Value);

    /// <summary>Where the value stands; for a test's value, where the parameter is declared.</summary>
    public SourceLocation ValueLocation { get; init; } = Location;
}
