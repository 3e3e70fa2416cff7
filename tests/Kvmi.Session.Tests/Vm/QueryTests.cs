using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class QueryTests
{
    [Fact]
    public async Task Answers_with_data_arrive_as_values()
    {
        var seen = new List<object?>();
        var xsave = new byte[16];
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                Expect(vm.GetVcpuInfo(1, out var tsc), tsc);
                Expect(vm.GetCpuid(1, 7, 2, out var cpuid), cpuid);
                Expect(vm.GetXsave(1, xsave, out var length), length);
                Expect(vm.GetXcr(1, 0, out var xcr), xcr);
                Expect(vm.GetMtrrType(1, 0x1000, out var type), type);
                Expect(vm.TranslateGva(1, 0x2000, out var mapped), mapped);
                Expect(vm.TranslateGva(1, 0x3000, out var unmapped), unmapped);
                Expect(vm.GetMapToken(out var token), token);
                Expect(vm.GetEptView(1, out var view), view);
                Expect(vm.CreateEptView(out var created), created);
                Expect(vm.GetNextAvailableGfn(out var gfn), gfn);
                Expect(vm.QueryPhysical(9, out var extent), extent);
                Expect(vm.GetMaxGfn(out var max), max);

                void Expect(KvmiError error, object? value)
                {
                    Assert.Equal(KvmiError.None, error);
                    seen.Add(value);
                }
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        var data = new byte[64];
        Number(CommandKind.GetVcpuInfo, 3_000_000_000);
        peer.Reply(peer.ReadCommand(CommandKind.GetCpuid), data.AsSpan(0, peer.Dialect.WriteData(data, new CpuidReply(1, 2, 3, 4))));
        peer.Reply(peer.ReadCommand(CommandKind.GetXsave), Enumerable.Repeat((byte)7, 4096).ToArray());
        Number(CommandKind.GetXcr, 7);
        Number(CommandKind.GetMtrrType, 6);
        Number(CommandKind.TranslateGva, 0x12000);
        Number(CommandKind.TranslateGva, ulong.MaxValue);
        peer.Reply(peer.ReadCommand(CommandKind.GetMapToken), data.AsSpan(0, peer.Dialect.WriteData(data, new MapToken(1, 2, 3, 4))));
        Number(CommandKind.GetEptView, 2);
        Number(CommandKind.CreateEptView, 3);
        Number(CommandKind.GetNextAvailableGfn, 0x4000);
        peer.Reply(peer.ReadCommand(CommandKind.QueryPhysical), data.AsSpan(0, peer.Dialect.WriteData(data, new PhysicalExtent(8, 4))));
        Number(CommandKind.GetMaxGfn, 0x8000);
        await handler.FirstAttached;
        Assert.Equal(
            [
                3_000_000_000UL, new CpuidReply(1, 2, 3, 4), 4096, 7UL, (byte)6, 0x12000UL, null, new MapToken(1, 2, 3, 4), (ushort)2, (ushort)3,
                0x4000UL, new PhysicalExtent(8, 4), 0x8000UL,
            ],
            seen);
        Assert.All(xsave, value => Assert.Equal(7, value));

        void Number(CommandKind kind, ulong value) =>
            peer.Reply(peer.ReadCommand(kind), data.AsSpan(0, peer.Dialect.WriteNumberData(data, value)));
    }

    [Theory]
    [InlineData(KvmiError.None, 24)]
    [InlineData(KvmiError.NotPermitted, 24)]
    [InlineData(KvmiError.InvalidArgument, 16)]
    public async Task Change_gfn_has_the_layout_of_the_kernel(KvmiError companion, int expectedBody)
    {
        Exception? refused = null;
        var handler = new TestHandler
        {
            OnAttached = vm =>
            {
                vm.ChangeGfn(0, 0, 5, 6);
                refused = Record.Exception(() => vm.ChangeGfn(0, 1, 5, 6));
            },
        };
        await using var server = new TestServer(handler);
        using var peer = new FakePeer(server.Path);
        peer.SayHello();
        peer.ReadAnswer();
        peer.Setup(checkCommand: kind => kind == CommandKind.CreateEptView ? companion : KvmiError.None);
        var header = peer.ReadCommand(CommandKind.ChangeGfn);
        Assert.Equal(8 + expectedBody, header.Size);
        peer.Reply(header, KvmiError.None);
        if (expectedBody == 24)
        {
            peer.Reply(peer.ReadCommand(CommandKind.ChangeGfn), KvmiError.None);
        }

        var vm = await handler.FirstAttached;
        Assert.Equal(expectedBody == 16, refused is ArgumentException);
        Assert.Equal(companion == KvmiError.InvalidArgument, vm.Capabilities.AbsentCommands.Contains(CommandKind.CreateEptView));
    }

    [Fact]
    public async Task The_number_of_vcpus_can_be_asked_for_again_and_never_shrinks()
    {
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                Assert.Equal(KvmiError.None, vm.RefreshVcpuCount());
                reply.NewValue = (ulong)vm.VcpuCount;
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2, dialect: Kvmi.Protocol.Dialects.Dialect.Find(KvmiDialect.V12));
        foreach (var (told, known) in new (byte Told, ulong Known)[] { (4, 4), (1, 4), (0, 4), (5, 5) })
        {
            peer.SendEvent(0, EventBody.Cr(3, 0, 1));
            peer.Reply(peer.ReadCommand(CommandKind.GetVmInfo), [told, .. new byte[15]]);
            Assert.Equal(known, peer.ReadEventReply(EventKind.Cr).NewValue);
        }

        // An event of one that is known does not take the others away.
        peer.SendEvent(3, EventBody.Cr(3, 0, 1));
        peer.Reply(peer.ReadCommand(CommandKind.GetVmInfo), [2, .. new byte[15]]);
        Assert.Equal(5ul, peer.ReadEventReply(EventKind.Cr).NewValue);

        peer.SendEvent(0, EventBody.Cr(3, 0, 1));
        peer.Reply(peer.ReadCommand(CommandKind.GetVmInfo), [0, 0, 1, .. new byte[13]]);
        Assert.Equal(DetachReason.ProtocolError, await handler.FirstDetached);
    }

    [Fact]
    public async Task A_vcpu_that_is_plugged_in_counts_and_its_event_reaches_the_handler()
    {
        var seen = new List<(EventKind, int)>();
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply _) =>
            {
                seen.Add((frame.Kind, vm.VcpuCount));
                Assert.Equal(KvmiError.None, vm.ControlCr(frame.Vcpu, 3, true));
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        var vm = await handler.FirstAttached;
        peer.SendEvent(2, EventBody.Plain(EventKind.CreateVcpu));
        peer.Reply(peer.ReadCommand(CommandKind.ControlCr), KvmiError.None);
        Assert.Equal(2, peer.ReadEventReply(EventKind.CreateVcpu).Vcpu);
        Assert.Equal([(EventKind.CreateVcpu, 3)], seen);
        Assert.Equal((3, 3), (vm.VcpuCount, server.Server.Vms[0].VcpuCount));
    }
}
