using Kvmi.Protocol.Tests.Dialects.Later;

namespace Kvmi.Protocol.Tests.Dialects.V12;

/// <summary>A v11 kernel; v12 follows by rule, since only two ids differ (<see cref="V11RoundTripTests"/>).</summary>
public sealed class V11CaptureTests() : LaterCaptureTests(KvmiDialect.V11)
{
    // Unknown ids, surplus, padding set.
    protected override string[] Inexpressible =>
    [
        "kvmi-v11-errors.hex 1000 unknown id",
        "kvmi-v11-errors.hex 1002 unknown id with body",
        "kvmi-v11-errors.hex 2 GET_VERSION get_version with trailing body",
        "kvmi-v11-errors.hex 4 CHECK_COMMAND padding set",
        "kvmi-v11-errors.hex 5 CONTROL_EVENTS padding",
    ];

    protected override (int Commands, int Replies, int EventReplies, int ShortEventReplies) Made => (72, 77, 48, 0);

    protected override EventKind[] EventKinds => [EventKind.Cr, EventKind.Msr, EventKind.PageFault, EventKind.PauseVcpu];

    // This kernel clears neither the padding behind the vCPU nor that behind the mode.
    protected override byte[] WithoutPadding(byte[] message)
    {
        var clean = message.ToArray();
        clean.AsSpan(20, 4).Clear();
        clean.AsSpan(25, 7).Clear();
        return clean;
    }
}
