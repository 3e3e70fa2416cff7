using Kvmi.Protocol.Handshake;
using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Layouts;

/// <summary>The two records in front of the first message (kvmi-later-dialects.md 2.2 and 2.3).</summary>
internal static class HandshakeLayouts
{
    public const string SizeField = "struct_size";

    private static readonly FieldLayout[] Base =
    [
        U32(SizeField), Uuid("uuid"), U8("cpu_type"), Pad(3), S64("start_time"), Text("name", HelloRecord.BaseSize - HelloRecord.MinSize),
    ];

    private static readonly FieldLayout[] WithMaxGpa = [.. Base, U64("max_gpa")];

    private static readonly FieldLayout[] WithE820 =
    [
        .. Base, U8("e820_count"), Pad(7), Entries("e820", "e820_count", U64("addr"), U64("length"), U32("type"), Pad(4)),
    ];

    public static FieldLayout[] Answer { get; } = [U32(SizeField), Bytes("cookie_hash", CookieHash.Length)];

    /// <summary>The form of a hello of this many bytes.</summary>
    public static FieldLayout[] HelloFor(int length) => length switch
    {
        HelloRecord.ExtendedSize => WithMaxGpa,
        > HelloRecord.ExtendedSize when IsE820(length) => WithE820,
        _ => Base,
    };

    private static bool IsE820(int length)
    {
        for (var entries = 1; entries <= HelloRecord.MaxE820Entries; entries++)
        {
            if (length == HelloRecord.SizeWithE820(entries))
            {
                return true;
            }
        }

        return false;
    }
}
