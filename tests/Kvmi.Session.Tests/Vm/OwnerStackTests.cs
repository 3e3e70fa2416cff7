using System.Runtime.CompilerServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;

namespace Kvmi.Session.Tests.Vm;

public class OwnerStackTests
{
    private const int Step = 64 * 1024;
    private const int Wanted = 12 << 20;

    /// <summary>What a handler may use does not depend on the ulimit of whoever started the host, which is 8 MiB nearly everywhere.</summary>
    [Fact]
    public async Task A_handler_has_the_stack_that_the_session_promises_and_not_what_the_ulimit_gives()
    {
        var used = 0;
        var handler = new TestHandler { OnEvent = (_, in _, ref _) => used = Use(Wanted) };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, 1);
        await handler.FirstAttached;
        peer.SendEvent(0, EventBody.Plain(EventKind.Hypercall));
        peer.ReadEventReply(EventKind.Hypercall);
        Assert.Equal(Wanted, used);
    }

    // Asks before each step, so that a small stack is a failed test and not the end of the process.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Use(int bytes)
    {
        if (bytes == 0 || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            return 0;

        Span<byte> block = stackalloc byte[Step];
        block.Fill(1);
        return Use(bytes - Step) + (block[Step / 2] * Step);
    }
}
