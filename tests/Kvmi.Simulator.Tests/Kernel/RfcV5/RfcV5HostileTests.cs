using Kvmi.TestSupport;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>Vectors with flipped bits against the rfc-v5 kernel: it answers or ends the session, and no thread of it fails.</summary>
public sealed class RfcV5HostileTests
{
    private const int Seed = 20261121;

    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Mutated_messages_are_answered_or_end_the_session(RfcV5Profile profile)
    {
        var random = new Random(Seed);
        string[] names = [.. RfcV5Vectors.All.Where(vector => vector.Value.Direction == "T>H").Select(vector => vector.Key).Order(StringComparer.Ordinal)];
        string[] commands = [.. names.Where(name => name[0] == 'C')];
        var ended = 0;
        var answered = 0;
        for (var round = 0; round < 60; round++)
        {
            await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(profile));
            kernel.Tool.Reply("C6");
            try
            {
                for (var message = 0; message < 20; message++)
                {
                    // Replies that nobody waits for, and what always ends a session, only now and then.
                    var from = random.Next(20) == 0 ? names : commands;
                    var mutant = RfcV5Vectors.Bytes(from[random.Next(from.Length)]).ToArray();

                    // The header stays, or most of them would end at once; sometimes its size goes too.
                    var first = random.Next(10) == 0 ? 0 : 8;
                    for (var flips = random.Next(4); flips > 0 && mutant.Length > first; flips--)
                    {
                        mutant[random.Next(first, mutant.Length)] ^= (byte)(1 << random.Next(8));
                    }

                    kernel.Tool.Send(mutant);
                }

                kernel.Tool.FinishSending();
            }
            catch (System.Net.Sockets.SocketException)
            {
                // The kernel has ended the session while the rest was on its way.
            }

            while (kernel.Tool.Next() is not null)
            {
                answered++;
            }

            ended += kernel.Hook.CloseReason is null ? 0 : 1;
            await kernel.Hook.Closed.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
            Assert.Null(kernel.Failure);
        }

        Assert.True(ended > 10 && answered > 100, $"{ended} sessions ended by the kernel, {answered} messages from it.");
    }
}
