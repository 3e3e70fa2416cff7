using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Testing.Replay;
using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Testing.Tests.Replay;

public sealed class CaptureReplayTests
{
    [Fact]
    public void Without_policies_every_recorded_event_of_a_real_guest_is_answered_with_the_recorded_bytes()
    {
        using var policies = new TestPolicies();
        var steps = Replay(policies, "kvmi-v7-linux-cr3.hex");
        Assert.Equal(28, steps.Count);
        Assert.All(steps, step =>
        {
            Assert.Equal(EventKind.Cr, step.Event);
            Assert.Equal(DecisionKind.Allow, step.Decision);
            Assert.Equal(ReplyMatch.Bytes, step.Match);
            Assert.Equal(EventAction.Continue, step.RecordedAction);
            Assert.Equal(step.RecordedValue, step.Value);
        });
    }

    [Fact]
    public void Another_decision_keeps_the_layout_of_the_reply()
    {
        using var policies = new TestPolicies();
        policies.Write("keeper", "mode: enforce\nsubscriptions:\n  - event: cr\n    when: { cr: 3 }\n    handler: OnCr3", "Decision OnCr3(CrEvent e) => Keep(e.Old);");
        var steps = Replay(policies, "kvmi-v7-linux-cr3.hex");
        Assert.Equal(28, steps.Count);
        Assert.All(steps, step =>
        {
            Assert.Equal(DecisionKind.Keep, step.Decision);
            Assert.Equal("keeper", step.Policy);
            Assert.Equal(ReplyMatch.Layout, step.Match);
            Assert.NotEqual(step.RecordedValue, step.Value);
        });
    }

    [Fact]
    public void A_read_that_was_not_recorded_is_unreadable_and_reported()
    {
        using var policies = new TestPolicies();
        policies.Write(
            "reader",
            "mode: audit\nsubscriptions:\n  - event: cr\n    when: { cr: 3 }\n    handler: OnCr3",
            """
            Decision OnCr3(CrEvent e)
            {
                Record(Memory.TryReadPhysical(0x1000, 8) is null ? "unreadable" : "readable");
                return Allow;
            }
            """);
        var steps = Replay(policies, "kvmi-v7-linux-cr3.hex");
        Assert.All(steps, step =>
        {
            Assert.NotEmpty(step.NotRecorded);
            Assert.Equal("unreadable", Assert.Single(step.Output.OfType<NoticeOutput>()).Name);
        });
    }

    [Theory]
    [InlineData("kvmi-v7-msr.hex", 3)]
    [InlineData("kvmi-v7-pagefault.hex", 5)]
    [InlineData("kvmi-v7-breakpoint.hex", 2)]
    [InlineData("kvmi-v7-descriptor.hex", 2)]
    [InlineData("kvmi-v7-hypercall.hex", 1)]
    public void Every_kind_of_recorded_event_is_decided(string file, int least)
    {
        using var policies = new TestPolicies();
        var steps = Replay(policies, file);
        Assert.True(steps.Count >= least, $"{steps.Count} events");
        Assert.All(steps, step => Assert.NotEqual(ReplyMatch.None, step.Match));
    }

    private static List<ReplayStep> Replay(TestPolicies policies, string file)
    {
        using var reader = new StreamReader(Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", file));
        using var replay = new CaptureReplay(file, HexCapture.Read(reader), KvmiDialect.V7, policies.Build());
        Assert.Empty(replay.Problems);
        return [.. replay.Run()];
    }
}
