using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Layouts;

/// <summary>What every dialect's command replies begin with, and names that the decoder adds to a table's own.</summary>
internal static class ReplyLayouts
{
    /// <summary>Bytes of an event's base behind those that the table knows.</summary>
    public const string BaseExtra = "base_extra";

    public const string ErrorField = "error";

    /// <summary>The error code of a reply (kvmi-later-dialects.md 3.1, kvmi-rfc-v5.md 1.10).</summary>
    public static FieldLayout[] Error { get; } = [S32(ErrorField), Pad(4)];
}
