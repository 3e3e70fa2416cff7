using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Simulator.Tests.Kernel.Selftest;

/// <summary>
/// The kernel's own selftest (kvmi-later-dialects.md section 6) as far as a dialect has its commands. The cases are the same in v7 and
/// v12 but for what this class names.
/// </summary>
public abstract class KernelSelftest(KvmiDialect dialect)
{
    /// <summary>The ids and bytes.</summary>
    protected Dialect D { get; } = Dialect.Find(dialect)!;

    /// <summary>Answer of CHECK_COMMAND and CHECK_EVENT to an id that does not exist (1.4).</summary>
    private protected int UnknownInCheck => dialect == KvmiDialect.V7 ? -22 : -2;

    /// <summary>Answer to an enable byte of 2 (3.4, 4.1).</summary>
    private protected int EnableTwo => dialect == KvmiDialect.V7 ? 0 : -22;

    private protected KernelFixture Kernel(int vcpus = 1, CommandKind[]? commands = null, EventKind[]? events = null, bool held = false) =>
        new(vcpus, commands?.Select(Id).ToArray(), events?.Select(Id).ToArray(), held, dialect);

    private protected ushort Id(CommandKind kind)
    {
        Assert.True(D.TryGetCommandId(kind, out var id));
        return id;
    }

    private protected ushort Id(EventKind kind)
    {
        Assert.True(D.TryGetEventId(kind, out var id));
        return id;
    }
}
