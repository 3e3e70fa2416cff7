namespace Kvmi.Protocol.Layouts;

/// <summary>
/// One named field of a decoded message. Besides the names of the protocol documents: <c>padding@N</c> is padding that is
/// not zero (N is its offset in the payload or structure), <c>truncated</c> the bytes of a field that the payload cuts
/// off, <c>trailing</c> bytes behind the last field, <c>payload</c> the bytes of a message whose layout is not known.
/// </summary>
/// <param name="Name">The field's name.</param>
/// <param name="Value">Its value.</param>
public sealed record DecodedField(string Name, FieldValue Value)
{
    /// <summary>Short text for messages and debuggers.</summary>
    public override string ToString() => Name + "=" + Value;
}
