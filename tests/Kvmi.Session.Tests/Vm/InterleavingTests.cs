using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class InterleavingTests
{
    private const int EventsPerRun = 200;

    /// <summary>Random events and commands of 1 to 16 vCPUs: nothing is lost, nothing answered twice, the order is kept.</summary>
    [Fact]
    public void Every_event_is_answered_exactly_once_whatever_the_order()
    {
        var inputs = Gen.Choose(0, int.MaxValue - 1).Zip(Gen.Choose(1, 16)).ToArbitrary();
        var property = Prop.ForAll(inputs, input => RunAsync(input.Item1, (ushort)input.Item2).GetAwaiter().GetResult());
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(25), property);
    }

    private static async Task<bool> RunAsync(int seed, ushort vcpus)
    {
        uint lastSequence = 0;
        var handlerRandom = new Random(seed);
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                Assert.Equal(++lastSequence, frame.Sequence);
                var value = frame.NewValue;
                var commands = handlerRandom.Next(0, 4);
                var memory = new byte[16];
                for (var i = 0; i < commands; i++)
                {
                    Assert.Equal(KvmiError.None, vm.ReadPhysical(value << 4, memory));
                    Assert.Equal(value << 4, BitConverter.ToUInt64(memory));
                }

                Assert.Equal(value, frame.NewValue);
                reply.NewValue = value ^ 0x5555;
            },
        };
        await using var server = new TestServer(handler);
        using var peer = FakePeer.Attached(server.Path, vcpus);
        var random = new Random(seed ^ 0x1234567);
        var waiting = new Dictionary<ushort, (uint Sequence, ulong Value)>();
        var sent = 0u;
        while (sent < EventsPerRun || waiting.Count > 0)
        {
            // Some events in one write; then one message of the tool, which is a reply or a command.
            var batch = new List<byte>();
            for (var room = random.Next(0, 5); (room > 0 || waiting.Count == 0) && waiting.Count < vcpus && sent < EventsPerRun; room--)
            {
                var idle = Enumerable.Range(0, vcpus).Select(vcpu => (ushort)vcpu).Where(vcpu => !waiting.ContainsKey(vcpu)).ToArray();
                var vcpu = idle[random.Next(idle.Length)];
                var value = (ulong)random.Next(1, 1 << 20);
                batch.AddRange(peer.Event(vcpu, EventBody.Cr(3, 0, value), ++sent));
                waiting.Add(vcpu, (sent, value));
            }

            var bytes = batch.ToArray();
            var cut = random.Next(0, bytes.Length + 1);
            peer.SendRaw(bytes.AsSpan(0, cut));
            peer.SendRaw(bytes.AsSpan(cut));

            var (header, message) = peer.ReadHeader();
            if (header.Id == 0)
            {
                FakePeer.V7.ReadEventReply(message, EventKind.Cr, out var vcpu, out _, out var reply);
                Assert.True(waiting.Remove(vcpu, out var expected), $"vCPU {vcpu} was answered without waiting (seq {header.Sequence})");
                Assert.Equal((expected.Sequence, expected.Value ^ 0x5555), (header.Sequence, reply.NewValue));
            }
            else
            {
                FakePeer.V7.Read(message.AsSpan(8), out Kvmi.Protocol.Commands.ReadPhysical command);
                var data = new byte[command.Size];
                BitConverter.TryWriteBytes(data, command.Gpa);
                peer.Reply(header, data);
            }
        }

        await server.Server.StopAsync();
        Assert.True(peer.IsClosedByTool());
        Assert.Equal(EventsPerRun, server.Server.EventsAnswered);
        Assert.Empty(server.Log.Warnings);
        return lastSequence == EventsPerRun;
    }
}
