using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>Whole simulations in rfc-v5 over a real Unix socket, with the least tool that follows the tool's checklist (rfc-v5 8.1).</summary>
public sealed class RfcV5SimulationTests
{
    private static Dialect D => RfcV5Tool.D;

    [Theory]
    [InlineData(1, RfcV5Profile.Code)]
    [InlineData(4, RfcV5Profile.Code)]
    [InlineData(2, RfcV5Profile.Document)]
    public async Task The_default_scenario_ends_as_written(int vcpus, RfcV5Profile profile)
    {
        using var listener = new ListeningTool();
        var run = Start(listener, vcpus, new RfcV5KernelOptions { Profile = profile });
        var (greeted, hello) = listener.Greet();
        Assert.Equal("model-guest", hello.DisplayName);
        using var tool = new RfcV5Tool(greeted.Socket);
        var seen = new Dictionary<EventKind, int>();
        Arm(tool, vcpus, seen);
        Serve(tool, seen);
        var result = await run.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Null(result.FailureReason);
        Assert.True(result.EndedAsWritten);
        Assert.Equal(SimulationEnd.Completed, result.End);
        Assert.Equal(1, seen[EventKind.Unhook]);
        Assert.True(seen[EventKind.Cr] >= 80 * vcpus);
        Assert.Equal(vcpus + 1, seen[EventKind.Msr]);
        Assert.True(seen[EventKind.PageFault] > 0);
        Assert.Equal(vcpus, seen[EventKind.PauseVcpu]);
        Assert.Equal(result.EventCount, seen.Values.Sum());
        Assert.Equal(result.EventCount - 1, result.ReplyCount);
        Assert.Contains(new Consequence("lstar", "hijacked", 0), result.Consequences);
        Assert.Contains(new Consequence("payload-ran", "1", 0), result.Consequences);
        Assert.Empty(result.CommandErrors);
    }

    [Fact]
    public async Task Masks_of_the_hook_are_what_the_version_tells_unless_the_code_ignores_them()
    {
        foreach (var ignores in new[] { false, true })
        {
            using var listener = new ListeningTool();
            using var cancel = new CancellationTokenSource();
            var options = Options(listener, 1, new RfcV5KernelOptions { IgnoresMasks = ignores, SilentHello = true }) with
            {
                AllowedCommands = [3, 13],
                AllowedEvents = [1, 6],
            };
            var run = Simulation.RunAsync(options, cancel.Token);
            var (greeted, hello) = listener.Greet();
            Assert.Equal((string.Empty, 0L, 96), (hello.DisplayName, hello.StartTime, hello.Size));
            using var tool = new RfcV5Tool(greeted.Socket);
            Assert.Equal(TestSupport.RfcV5Vectors.Bytes(ignores ? "C2" : "C3"), tool.Reply("C1"));
            await cancel.CancelAsync();
            await run.WaitAsync(TimeSpan.FromSeconds(60));
        }
    }

    [Fact]
    public async Task A_distance_between_vcpu_ids_has_its_range()
    {
        var options = new SimulatorOptions { Endpoint = "unix:/nowhere", Dialect = KvmiDialect.RfcV5, RfcV5 = new RfcV5KernelOptions { VcpuIdStride = 0 } };
        var error = await Assert.ThrowsAsync<SimulatorException>(() => Simulation.RunAsync(options, CancellationToken.None));
        Assert.Contains("vCPU ids", error.Message, StringComparison.Ordinal);
    }

    private static Task<SimulationResult> Start(ListeningTool listener, int vcpus, RfcV5KernelOptions rfcV5) =>
        Simulation.RunAsync(Options(listener, vcpus, rfcV5), CancellationToken.None);

    private static SimulatorOptions Options(ListeningTool listener, int vcpus, RfcV5KernelOptions rfcV5) => new()
    {
        Endpoint = listener.Endpoint,
        Dialect = KvmiDialect.RfcV5,
        RfcV5 = rfcV5,
        Vcpus = vcpus,
        Settle = TimeSpan.FromMilliseconds(50),
    };

    // Steps 2 to 5 of the checklist: everything is switched on inside the pause event of each vCPU.
    private static void Arm(RfcV5Tool tool, int vcpus, Dictionary<EventKind, int> seen)
    {
        Assert.Equal(TestSupport.RfcV5Vectors.Bytes("C2"), tool.Reply("C1"));
        Assert.Equal(vcpus, tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.PauseAllVcpus))[16]);
        Ok(tool, (d, s) => D.Write(d, s, new ControlVmEventMask(1)));
        Assert.Equal(vcpus, tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo))[16]);
        Ok(tool, (d, s) => D.WriteSetPageAccess(d, s, 0, [new PageAccessEntry(GuestLayout.PayloadGpa, PageAccess.ReadWrite)]));
        var pauses = new List<byte[]>();
        for (var i = 0; i < vcpus; i++)
        {
            var pause = tool.Event();
            Assert.Equal(DecodeStatus.Ok, D.ReadEvent(pause, out var frame));
            Assert.Equal(EventKind.PauseVcpu, frame.Kind);
            var vcpu = frame.Vcpu;
            Ok(tool, (d, s) => D.Write(d, s, new ControlEventMask(vcpu, 0x46)));
            Ok(tool, (d, s) => D.Write(d, s, new ControlCr(vcpu, 3, 1)));
            Ok(tool, (d, s) => D.Write(d, s, new ControlCr(vcpu, 4, 1)));
            Ok(tool, (d, s) => D.Write(d, s, new ControlMsr(vcpu, 0xC000_0082, 1)));
            pauses.Add(pause);
        }

        seen[EventKind.PauseVcpu] = vcpus;
        pauses.ForEach(pause => tool.Answer(pause, default));
    }

    private static void Serve(RfcV5Tool tool, Dictionary<EventKind, int> seen)
    {
        while (true)
        {
            var message = tool.Event();
            Assert.Equal(DecodeStatus.Ok, D.ReadEvent(message, out var frame));
            seen[frame.Kind] = seen.GetValueOrDefault(frame.Kind) + 1;
            if (frame.Kind == EventKind.Unhook)
            {
                // The right answer to UNHOOK is to go (5.2).
                tool.Dispose();
                return;
            }

            tool.Answer(message, new EventReply { NewValue = frame.NewValue });
        }
    }

    private static void Ok(RfcV5Tool tool, RawTool.Writer write) => Assert.Equal(0, RfcV5Tool.Error(tool.Ask(write)));
}
