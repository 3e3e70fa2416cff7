namespace Kvmi.Protocol.Layouts;

/// <summary>A command and its reply in one dialect.</summary>
/// <param name="Id">Wire id.</param>
/// <param name="Name">Name in the protocol documents.</param>
/// <param name="Request">The command's payload.</param>
/// <param name="Reply">The reply's payload behind the error code.</param>
internal sealed record CommandLayout(ushort Id, string Name, FieldLayout[] Request, FieldLayout[] Reply)
{
    /// <summary>A request of another age with the same id: meant when the payload has exactly its length.</summary>
    public FieldLayout[]? OldRequest { get; init; }

    /// <summary>True when the documents give the number a name and no message.</summary>
    public bool IsReserved { get; init; }

    /// <summary>The layout of a request of this many payload bytes.</summary>
    public FieldLayout[] RequestFor(int payloadLength) =>
        OldRequest is not null && FieldLayout.FixedLength(OldRequest) == payloadLength ? OldRequest : Request;
}
