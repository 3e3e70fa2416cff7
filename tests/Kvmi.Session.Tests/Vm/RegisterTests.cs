using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class RegisterTests
{
    [Fact]
    public async Task Registers_are_set_inside_an_event_of_that_vcpu_only()
    {
        var results = new List<KvmiError>();
        var handler = new TestHandler
        {
            OnAttached = vm => results.Add(vm.SetRegisters(0, new KvmRegs { Rip = 1 })),
            OnEvent = (IIntrospectedVm vm, in EventFrame _, ref EventReply _) =>
            {
                results.Add(vm.SetRegisters(1, new KvmRegs { Rip = 2 }));
                results.Add(vm.SetRegisters(0, new KvmRegs { Rip = 3 }));
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus: 2);
        await handler.FirstAttached;
        peer.SendEvent(1, EventBody.Plain(EventKind.Hypercall));
        var (header, message) = peer.ReadHeader();
        FakePeer.V7.ReadSetRegisters(message.AsSpan(MessageHeader.Length), out var vcpu, out var regs);
        Assert.Equal((1, 2UL), (vcpu, regs.Rip));
        peer.Reply(header, KvmiError.None);
        peer.ReadEventReply(EventKind.Hypercall);
        Assert.Equal([KvmiError.NotSupported, KvmiError.None, KvmiError.NotSupported], results);
    }
}
