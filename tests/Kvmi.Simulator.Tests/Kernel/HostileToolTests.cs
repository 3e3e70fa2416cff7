using System.Net.Sockets;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>Whatever a tool sends, the kernel side neither fails nor hangs: it answers or closes, and the guest goes on.</summary>
public sealed class HostileToolTests
{
    private static readonly VcpuExitKind[] Exits =
    [
        VcpuExitKind.CrWrite, VcpuExitKind.MsrWrite, VcpuExitKind.XcrWrite, VcpuExitKind.Breakpoint, VcpuExitKind.Hypercall,
        VcpuExitKind.Descriptor, VcpuExitKind.Cpuid, VcpuExitKind.PageAccess, VcpuExitKind.Singlestep, VcpuExitKind.Halted,
    ];

    [Fact]
    public void Random_bytes_end_in_a_clean_close() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(60),
            Prop.ForAll<byte[]>(bytes => SurvivesAsync(tool => Send(tool, bytes)).GetAwaiter().GetResult()));

    [Fact]
    public void Random_messages_end_in_a_clean_close() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(150),
            Prop.ForAll<int>(seed => SurvivesAsync(tool => Converse(tool, new System.Random(seed))).GetAwaiter().GetResult()));

    [Fact]
    public void A_tool_that_never_reads_and_then_vanishes_is_survived() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(30),
            Prop.ForAll<int>(seed => SurvivesAsync(
                tool =>
                {
                    tool.Socket.SendTimeout = 100;
                    Converse(tool, new System.Random(seed));
                },
                reads: false).GetAwaiter().GetResult()));

    private static async Task SurvivesAsync(Action<RawTool> talk, bool reads = true)
    {
        await using var kernel = new KernelFixture(vcpus: 2);
        for (var i = 0; i < Exits.Length; i++)
        {
            kernel.Machine[i % 2].Queue(new VcpuExit { Kind = Exits[i], Number = 3, NewValue = 5, Length = 1 });
        }

        var tool = kernel.Tool;
        var reader = reads ? Task.Run(tool.ExpectClose) : Task.CompletedTask;
        try
        {
            talk(tool);
            if (reads)
            {
                tool.Socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (SocketException)
        {
            // The kernel side has closed already, or nobody reads its answers and the sockets are full.
        }

        if (!reads)
        {
            tool.Socket.Close();
        }

        await reader;
        await kernel.Hook.Closed.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
    }

    private static void Send(RawTool tool, byte[] bytes) => tool.SendBytes(bytes);

    private static void Converse(RawTool tool, System.Random random)
    {
        for (var count = random.Next(1, 60); count > 0; count--)
        {
            var size = random.Next(6) switch { 0 => 0, 1 => 8, 2 => 16, 3 => 24, 4 => random.Next(400), _ => random.Next(8200) };
            var bytes = new byte[MessageHeader.Length + size];
            if (random.Next(3) == 0)
            {
                random.NextBytes(bytes);
            }
            else
            {
                // Mostly zeros with a few small numbers: gets past the padding checks and into the commands.
                for (var field = random.Next(4); field > 0 && size > 0; field--)
                {
                    bytes[MessageHeader.Length + (random.Next(size) & ~3)] = (byte)random.Next(20);
                }
            }

            var id = random.Next(12) == 0 ? (ushort)random.Next(65536) : (ushort)random.Next(1, 64);
            var announced = random.Next(40) == 0 ? random.Next(65536) : size;
            new MessageHeader(random.Next(30) == 0 ? (ushort)0 : id, (ushort)announced, (uint)random.Next(1, 20)).Write(bytes);
            tool.SendBytes(bytes);
        }
    }
}
