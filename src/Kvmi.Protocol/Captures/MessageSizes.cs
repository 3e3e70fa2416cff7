using System.Collections.Frozen;

namespace Kvmi.Protocol.Captures;

/// <summary>
/// Payload sizes of commands and successful replies by dialect: enough to tell which dialect a conversation is in, without its full
/// layouts (kvmi-rfc-v5.md 1.9 and 3; kvmi-later-dialects.md 3.6, 3.7, 4.2).
/// </summary>
internal static class MessageSizes
{
    /// <summary>The request's size depends on its contents.</summary>
    private const int Any = -1;

    public static FrozenDictionary<ushort, (int Request, int Reply)> RfcV5 { get; } = Table(
    [
        (1, 0, 16), (3, 8, 16), (6, Any, Any), (7, 152, 0), (10, Any, Any), (11, Any, 0), (12, 16, 0), (13, 16, Any), (14, Any, 0),
        (15, 0, 32), (17, 8, 0), (18, 8, 0), (19, 8, 0), (25, 16, 16), (26, 8, Any), (27, 0, 8), (28, 8, 0),
    ]);

    public static FrozenDictionary<ushort, (int Request, int Reply)> V7 { get; } = Table(
    [
        (2, 0, 16), (3, 8, 0), (4, 8, 0), (5, 0, 16), (6, 8, 8), (7, 16, 0), (8, 8, 0), (9, 16, 0), (10, 16, 0), (11, 16, 0),
        (13, Any, Any), (14, 152, 0), (15, 16, 16), (16, 8, Any), (17, 16, Any), (18, Any, 0), (19, 24, 0), (21, Any, 0), (22, 0, 32),
        (23, 16, 8), (24, 8, 0), (26, Any, 0), (27, 8, 0), (28, 24, 0), (29, 0, 8), (30, 16, 0), (31, 0, 8), (32, 16, 0), (33, 8, 0),
        (34, 8, 8), (35, 16, 8), (36, 16, 0), (37, 16, 8), (38, Any, 0), (39, 8, 16), (41, 16, 0), (42, 16, 0), (43, 0, 8), (44, 8, 0),
        (60, Any, 0), (63, 16, 0),
    ]);

    /// <summary>v11 and v12 but for ids 20 and 22, which the caller judges.</summary>
    public static FrozenDictionary<ushort, (int Request, int Reply)> V11AndV12 { get; } = Table(
    [
        (2, 0, 16), (3, 8, 8), (4, 8, 0), (5, 16, 0), (6, 8, 0), (7, Any, Any), (8, 0, 16), (9, 152, 0), (10, 8, 0), (11, 16, 16),
        (12, 16, Any), (13, 16, 0), (14, Any, 0), (15, 24, 0), (16, 8, 0), (17, 16, 8), (18, 8, 0), (19, 8, 4096), (20, Any, Any),
        (21, 4104, 0), (22, Any, 0), (23, 16, 8), (25, 16, 0), (27, 16, 0), (29, 16, 8),
    ]);

    public static bool Fits(int expected, int actual) => expected == Any || expected == actual;

    private static FrozenDictionary<ushort, (int Request, int Reply)> Table((ushort Id, int Request, int Reply)[] rows) =>
        rows.ToFrozenDictionary(row => row.Id, row => (row.Request, row.Reply));
}
