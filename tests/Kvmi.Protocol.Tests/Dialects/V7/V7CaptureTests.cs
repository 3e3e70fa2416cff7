using Kvmi.Protocol.Tests.Dialects.Later;

namespace Kvmi.Protocol.Tests.Dialects.V7;

public sealed class V7CaptureTests() : LaterCaptureTests(KvmiDialect.V7)
{
    // Unknown ids, surplus, padding set.
    protected override string[] Inexpressible =>
    [
        "kvmi-v7-errors.hex 77 unknown id",
        "kvmi-v7-errors.hex 62 unknown id with body",
        "kvmi-v7-errors.hex 2 GET_VERSION get_version with trailing body",
        "kvmi-v7-errors.hex 3 CHECK_COMMAND padding set",
        "kvmi-v7-errors.hex 9 CONTROL_EVENTS padding",
    ];

    protected override (int Commands, int Replies, int EventReplies, int ShortEventReplies) Made => (97, 99, 53, 1);

    protected override EventKind[] EventKinds =>
    [
        EventKind.Unhook, EventKind.Cr, EventKind.Msr, EventKind.Breakpoint, EventKind.Hypercall, EventKind.PageFault, EventKind.Descriptor,
        EventKind.PauseVcpu, EventKind.CommandError,
    ];
}
