using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class OvertakingTests
{
    private const ushort Vcpus = 4;

    /// <summary>Batches whose answers come in random order, among events: each result belongs to its command, each event is answered.</summary>
    [Fact]
    public void Answers_in_any_order_find_their_commands()
    {
        var dialects = Dialect.All.Select(dialect => dialect.Id).ToArray();
        var inputs = Gen.Choose(0, int.MaxValue - 1).Zip(Gen.Elements(dialects)).ToArbitrary();
        var property = Prop.ForAll(inputs, input => RunAsync(input.Item1, Dialect.Find(input.Item2)!).GetAwaiter().GetResult());
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(25), property);
    }

    private static async Task<bool> RunAsync(int seed, Dialect dialect)
    {
        const int Rounds = 5;
        var shape = new Random(seed);
        var sizes = Enumerable.Range(0, Rounds).Select(_ => shape.Next(1, 60)).ToArray();
        var wrong = new List<string>();
        var handler = new TestHandler { OnAttached = vm => Array.ForEach(sizes, size => Batch(vm, size, wrong)) };
        await using var server = new TestServer(handler, options => options with { Dialect = dialect.Id });
        using var peer = FakePeer.Attached(server.Path, Vcpus, dialect: dialect);
        var random = new Random(seed ^ 0x2345678);
        var events = 0;
        foreach (var size in sizes)
        {
            var answers = Enumerable.Range(0, size).Select(_ => Answer(peer)).ToArray();
            random.Shuffle(answers);
            foreach (var answer in answers)
            {
                answer();
                if (events < Vcpus && random.Next(4) == 0)
                {
                    peer.SendEvent((ushort)events++, EventBody.Plain(EventKind.Hypercall));
                }
            }
        }

        await handler.FirstAttached;
        for (var i = 0; i < events; i++)
        {
            peer.ReadEventReply(EventKind.Hypercall);
        }

        Assert.Empty(wrong);
        Assert.Empty(server.Log.Warnings);
        return true;
    }

    /// <summary>Reads and writes in turn; the error or the data of each follows from its address.</summary>
    private static void Batch(IIntrospectedVm vm, int size, List<string> wrong)
    {
        using var batch = vm.StartBatch();
        var memory = new byte[size * 8];
        for (var i = 0; i < size; i++)
        {
            _ = i % 2 == 0
                ? batch.ReadPhysical((ulong)i * 0x1000, memory.AsMemory(i * 8, 8))
                : batch.WritePhysical((ulong)i * 0x1000, [1]);
        }

        // The first entry is a read, so v7 answers every command as well.
        batch.Send();
        for (var i = 0; i < size; i++)
        {
            if (batch[i] != ErrorOf(i) || (i % 2 == 0 && batch[i] == KvmiError.None && BitConverter.ToUInt64(memory, i * 8) != (ulong)i * 0x1000))
            {
                wrong.Add($"entry {i} of {size}: {batch[i]}");
            }
        }
    }

    private static KvmiError ErrorOf(int entry) => entry % 7 == 3 ? KvmiError.NoEntry : entry % 7 == 4 ? KvmiError.InvalidArgument : KvmiError.None;

    private static Action Answer(FakePeer peer)
    {
        var (header, message) = peer.ReadHeader();
        Assert.True(peer.Dialect.TryGetCommand(header.Id, out var kind));
        ulong gpa;
        if (kind == CommandKind.ReadPhysical)
        {
            peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out ReadPhysical read);
            gpa = read.Gpa;
        }
        else
        {
            peer.Dialect.Read(message.AsSpan(MessageHeader.Length), out WritePhysical write);
            gpa = write.Gpa;
        }

        var error = ErrorOf((int)(gpa / 0x1000));
        return error == KvmiError.None && kind == CommandKind.ReadPhysical
            ? () => peer.Reply(header, BitConverter.GetBytes(gpa))
            : () => peer.Reply(header, error);
    }
}
