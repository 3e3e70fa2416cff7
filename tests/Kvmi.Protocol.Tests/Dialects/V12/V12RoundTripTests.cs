using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Tests.Dialects.Later;

namespace Kvmi.Protocol.Tests.Dialects.V12;

/// <summary>What v12 writes in its own way.</summary>
public class V12RoundTripTests : LaterRoundTripTests
{
    public V12RoundTripTests()
        : this(KvmiDialect.V12)
    {
    }

    private protected V12RoundTripTests(KvmiDialect dialect)
        : base(dialect)
    {
    }

    [Fact]
    public void Cleanup_comes_through() => Prop.ForAll<byte>(enable =>
        Same(new ControlCleanup(enable), Codec.Write, Codec.Read, CommandKind.ControlCleanup)).QuickCheckThrowOnFailure();

    [Fact]
    public void What_the_wire_has_no_place_for_is_not_written()
    {
        var message = new byte[8192];
        Assert.Throws<ArgumentException>(() => Codec.Write(message, 1, new ControlCr(0, 256, 1)));
        Assert.Throws<ArgumentException>(() => Codec.WriteSetPageAccess(message, 1, 1, []));
        Assert.Throws<ArgumentException>(() => Codec.WriteSetXsave(message, 1, 0, new byte[4095]));
        Assert.Throws<ArgumentException>(() => Codec.WriteEvent(message, 1, 0, default, EventBody.Cpuid(0, 0, 2)));
        Assert.Throws<CommandNotInDialectException>(() => Codec.Write(message, 1, new ControlCommandResponse(true, true, false)));
        Assert.Throws<CommandNotInDialectException>(() => Codec.Write(message, 1, new SwitchEptView(0, 1)));
    }

    // One byte for the register's number, no view.
    protected override EventBody Arriving(EventBody body) => body.Kind switch
    {
        EventKind.Cr => EventBody.Cr((byte)body.Number, body.First, body.Second),
        EventKind.PageFault => EventBody.PageFault(body.First, body.Second, body.Access),
        _ => body,
    };
}
