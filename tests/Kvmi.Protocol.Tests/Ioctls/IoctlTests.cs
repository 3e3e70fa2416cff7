using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Protocol.Tests.Ioctls;

public sealed class IoctlTests
{
    private static readonly Guid Uuid = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");

    [Fact]
    public void The_hook_argument_of_rfc_v5_is_vector_I1()
    {
        var vector = Convert.FromHexString("0700000000000000cafc8e1fff07000000112233445566778899aabbccddeeff");
        var argument = new MaskedHookArgument(7, 0x1F8E_FCCA, 0x7FF, Uuid);
        var bytes = new byte[MaskedHookArgument.Length];
        argument.Write(bytes);
        Assert.Equal(vector, bytes);
        Assert.True(MaskedHookArgument.TryRead(vector, out var read));
        Assert.Equal(argument, read);
    }

    [Fact]
    public void The_map_argument_of_the_guest_device_is_vector_I2()
    {
        var vector = Convert.FromHexString(
            "010000000000000002000000000000000300000000000000040000000000000000503412000000000010000000" + "7f0000");
        var argument = new GuestMapArgument(new MapToken(1, 2, 3, 4), 0x1234_5000, 0x7f00_0000_1000);
        var bytes = new byte[GuestMapArgument.Length];
        argument.Write(bytes);
        Assert.Equal(vector, bytes);
        Assert.True(GuestMapArgument.TryRead(vector, out var read));
        Assert.Equal(argument, read);
    }

    [Fact]
    public void The_later_hook_argument_has_the_UUID_in_printed_order_behind_descriptor_and_padding()
    {
        var argument = new HookArgument(-1, Uuid, Pad: 5);
        var bytes = new byte[HookArgument.Length];
        argument.Write(bytes);
        Assert.Equal("ffffffff0500000000112233445566778899aabbccddeeff", Convert.ToHexStringLower(bytes));
        Assert.True(HookArgument.TryRead(bytes, out var read));
        Assert.Equal(argument, read);
    }

    [Fact]
    public void The_allow_argument_is_the_switch_and_then_the_signed_id()
    {
        var bytes = new byte[AllowArgument.Length];
        new AllowArgument(1, AllowArgument.All).Write(bytes);
        Assert.Equal("01000000ffffffff", Convert.ToHexStringLower(bytes));
        Assert.True(AllowArgument.TryRead(bytes, out var read));
        Assert.Equal(new AllowArgument(1, -1), read);
    }

    [Fact]
    public void Arguments_are_not_read_from_fewer_bytes_and_not_written_into_fewer()
    {
        Assert.False(HookArgument.TryRead(new byte[23], out _));
        Assert.False(MaskedHookArgument.TryRead(new byte[31], out _));
        Assert.False(AllowArgument.TryRead(new byte[7], out _));
        Assert.False(GuestMapArgument.TryRead(new byte[47], out _));
        Assert.Throws<ArgumentException>(() => new HookArgument(1, Uuid).Write(new byte[23]));
        Assert.Throws<ArgumentException>(() => new MaskedHookArgument(1, 0, 0, Uuid).Write(new byte[31]));
        Assert.Throws<ArgumentException>(() => new AllowArgument(1, 2).Write(new byte[7]));
        Assert.Throws<ArgumentException>(() => default(GuestMapArgument).Write(new byte[47]));
        Assert.Throws<ArgumentException>(() => GuestMapArgument.ReadToken(new byte[31]));
    }

    [Theory]
    [InlineData(IntrospectionSeries.RfcV5, 0x4020AEFF, 0xAEFE, 0u, 0u, 0u, 999)]
    [InlineData(IntrospectionSeries.ListV6, 0x4018AEFF, 0xAEFE, 0x4008AEFD, 0x4008AEFC, 0u, 999)]
    [InlineData(IntrospectionSeries.BranchV7, 0x4018AEFF, 0xAEFB, 0x4008AEFD, 0x4008AEFC, 0xAEFE, 180)]
    [InlineData(IntrospectionSeries.ListV9, 0x4018AEC3, 0xAEC4, 0x4008AEC5, 0x4008AEC6, 0xAEC7, 184)]
    [InlineData(IntrospectionSeries.ListV11, 0x4018AEC8, 0xAEC9, 0x4008AECA, 0x4008AECB, 0xAECC, 193)]
    [InlineData(IntrospectionSeries.ListV12, 0x4018AEC8, 0xAEC9, 0x4008AECA, 0x4008AECB, 0xAECC, 206)]
    public void Each_series_has_its_numbers(
        IntrospectionSeries series, uint hook, uint unhook, uint command, uint @event, uint preUnhook, int capability)
    {
        var ioctls = IntrospectionIoctls.Of(series);
        Assert.Equal(series, ioctls.Series);
        Assert.Equal(hook, ioctls.Hook);
        Assert.Equal(unhook, ioctls.Unhook);
        Assert.Equal(command, ioctls.Command ?? 0);
        Assert.Equal(@event, ioctls.Event ?? 0);
        Assert.Equal(preUnhook, ioctls.PreUnhook ?? 0);
        Assert.Equal(capability, ioctls.Capabilities[0]);
        Assert.Equal((hook >> 16) & 0x3FFF, (uint)ioctls.HookLength);
    }

    [Fact]
    public void Each_dialect_and_each_series_has_its_ioctls()
    {
        Assert.All(Enum.GetValues<KvmiDialect>(), dialect => Assert.Equal(dialect, IntrospectionIoctls.Of(dialect).Dialect));
        Assert.All(Enum.GetValues<IntrospectionSeries>(), series => Assert.Equal(series, IntrospectionIoctls.Of(series).Series));
        Assert.Throws<ArgumentOutOfRangeException>(() => IntrospectionIoctls.Of((IntrospectionSeries)99));
        Assert.Throws<ArgumentOutOfRangeException>(() => IntrospectionIoctls.Of((KvmiDialect)99));
    }
}
