using Kvmi.Kvm.Descriptors;
using Kvmi.Kvm.Running;
using Kvmi.Kvm.Tests.Support;

namespace Kvmi.Kvm.Tests.Descriptors;

public class VmHandoverTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly Guid Uuid = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");

    [Fact]
    public void A_vm_and_its_tools_socket_arrive_and_work()
    {
        using var system = RealKvm.Open();
        using var pair = new SocketPair();
        using var tool = new SocketPair();
        using (var vm = RealKvm.CreateVm(system))
        {
            VmHandover.Send(Channel(pair.First), Uuid, vm, tool.First, Limit);
        }

        tool.First.Dispose();
        using var received = VmHandover.Receive(Channel(pair.Second), Limit);
        Assert.Equal(Uuid, received.Uuid);

        // The sender's own descriptors are closed: what works here works through the copies.
        received.Vm.AddMemory(0, 0xFFFF_F000, 4096).Write(0xFF0, [0xF4]);
        Assert.Equal(KvmExitReason.Hlt, received.Vm.CreateVcpu(0).Run().Reason);
        received.Tool.Send([42]);
        var answer = new byte[1];
        Assert.Equal(1, tool.Second.Receive(answer));
        Assert.Equal(42, answer[0]);
    }

    [Fact]
    public void A_wrong_record_is_refused_and_its_descriptors_closed()
    {
        using var pair = new SocketPair();
        using var one = new Pipe();
        using var two = new Pipe();
        Channel(pair.First).Send(new byte[32], [one.Writer, two.Writer], Limit);
        Assert.Contains("no handover of a VM", Refused(pair), StringComparison.Ordinal);
        Assert.False(one.IsHeldByOthers());
        Assert.False(two.IsHeldByOthers());
    }

    [Fact]
    public void A_first_descriptor_that_is_no_vm_is_refused_and_both_are_closed()
    {
        using var pair = new SocketPair();
        using var one = new Pipe();
        using var two = new Pipe();
        Channel(pair.First).Send(Record(), [one.Writer, two.Writer], Limit);
        Assert.Equal("The first descriptor of the peer is no KVM VM.", Refused(pair));
        Assert.False(one.IsHeldByOthers());
        Assert.False(two.IsHeldByOthers());
    }

    [Fact]
    public void A_second_descriptor_that_is_no_stream_socket_is_refused()
    {
        using var system = RealKvm.Open();
        using var vm = RealKvm.CreateVm(system);
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        Channel(pair.First).Send(Record(), [vm.Handle, pipe.Writer], Limit);
        Assert.Equal("The second descriptor of the peer is no stream socket.", Refused(pair));
        Assert.False(pipe.IsHeldByOthers());
    }

    [Fact]
    public void A_random_record_is_refused_or_passes_as_written()
    {
        using var pair = new SocketPair();
        using var pipe = new Pipe();
        var random = new Random(7);
        for (var i = 0; i < 200; i++)
        {
            var record = Record();
            record[random.Next(16)] ^= (byte)(1 << random.Next(8));
            Channel(pair.First).Send(record, [pipe.Writer, pipe.Writer], Limit);
            Assert.Contains("no handover of a VM", Refused(pair), StringComparison.Ordinal);
        }

        Assert.False(pipe.IsHeldByOthers());
    }

    private static byte[] Record()
    {
        var record = new byte[32];
        "KVMI-VM\0"u8.CopyTo(record);
        record[8] = 1;
        return record;
    }

    private static string Refused(SocketPair pair) =>
        Assert.Throws<DescriptorChannelException>(() => VmHandover.Receive(Channel(pair.Second), Limit)).Message;

    private static DescriptorChannel Channel(System.Net.Sockets.Socket socket) => new(socket, TimeProvider.System);
}
