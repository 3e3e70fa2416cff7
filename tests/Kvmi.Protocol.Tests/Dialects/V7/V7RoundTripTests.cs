using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Tests.Dialects.Later;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>What only v7 has, and what it writes in its own way.</summary>
public sealed class V7RoundTripTests() : LaterRoundTripTests(KvmiDialect.V7)
{
    [Fact]
    public void Commands_of_v7_come_through()
    {
        Prop.ForAll<ushort, uint, byte>((vcpu, number, enable) =>
            Same(new ControlCr(vcpu, number, enable), Codec.Write, Codec.Read, CommandKind.ControlCr)).QuickCheckThrowOnFailure();
        Prop.ForAll<bool, bool>((one, two) =>
            Same(new ControlCommandResponse(one, two, one ^ two), Codec.Write, Codec.Read, CommandKind.ControlCommandResponse)).QuickCheckThrowOnFailure();
        Prop.ForAll<ushort, uint[], byte[]>((number, numbers, bytes) =>
        {
            var message = new byte[8192];
            PageAccessEntry[] entries = [.. numbers.Select(gfn => new PageAccessEntry((ulong)gfn << 12, (PageAccess)(gfn & 7)))];
            var length = Codec.WriteSetPageAccess(message, 5, number, entries);
            Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.SetPageAccess), out SetPageAccess access));
            Assert.Equal(number, access.View);
            Assert.Equal(entries, V7Events.Entries(access));

            // Any length up to 4096.
            length = Codec.WriteSetXsave(message, 5, number, bytes);
            Assert.Equal(CommandStatus.Ok, Codec.ReadSetXsave(Payload(message, length, CommandKind.SetXsave), out var vcpu, out var area));
            Assert.Equal(number, vcpu);
            Assert.True(area.SequenceEqual(bytes));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_context_beyond_256_bytes_is_not_written() => Assert.Throws<ArgumentException>(
        () => Codec.WriteEventReply(new byte[1024], 1, 0, EventKind.PageFault, new EventReply { Context = new byte[257] }));

    // v7 tells of XSETBV only that it happened.
    protected override EventBody Arriving(EventBody body) => body.Kind == EventKind.Xsetbv ? EventBody.Xsetbv(0, 0, 0) : body;
}
