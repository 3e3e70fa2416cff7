using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Rig;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>Runs the tests inside policies without a VM, through the real engine. One thread at a time.</summary>
public static class PolicyTestRunner
{
    private const int LargestMessage = 8 + ushort.MaxValue;
    private static readonly TimeSpan StepTime = TimeSpan.FromMilliseconds(1);

    /// <summary>Runs one test of a policy on a fresh VM.</summary>
    /// <param name="generation">The policy under test and the plugins that it requires, with the test's mode and parameters; taken over.</param>
    /// <param name="policyId">The policy under test.</param>
    /// <param name="test">The test.</param>
    public static PolicyTestResult Run(Generation generation, string policyId, PolicyTest test)
    {
        ArgumentNullException.ThrowIfNull(generation);
        ArgumentNullException.ThrowIfNull(policyId);
        ArgumentNullException.ThrowIfNull(test);
        if (test.Trace is { } trace)
        {
            return TraceTestRunner.Run(generation, policyId, test, trace);
        }

        var vm = new FakeVm();
        foreach (var memory in test.Memory)
        {
            vm.Memory.Write(memory.Gpa, memory.Bytes);
        }

        var clock = new ManualClock();
        using var rig = new PolicyRig(generation, vm, clock);
        if (Troubles(rig.TakeOutput()) is { Count: > 0 } troubles)
        {
            return new PolicyTestResult(policyId, test.Name, test.Location, troubles);
        }

        var message = new byte[LargestMessage];
        var reply = new byte[LargestMessage];
        uint sequence = 0;
        foreach (var step in test.Steps)
        {
            clock.Advance(step.After ?? StepTime);
            foreach (var memory in step.Memory)
            {
                vm.Memory.Write(memory.Gpa, memory.Bytes);
            }

            var (failures, seen) = RunStep(rig, vm, step, ++sequence, message, reply);
            if (failures.Count > 0)
            {
                return new PolicyTestResult(policyId, test.Name, step.Location,
                    [.. failures.Select(failure => $"{At(step.Location)}: step {sequence}: {failure}")])
                {
                    Step = (int)sequence,
                    Seen = seen,
                };
            }
        }

        return new PolicyTestResult(policyId, test.Name, test.Location, []);
    }

    private static (List<string> Failures, IReadOnlyList<string> Seen) RunStep(
        PolicyRig rig, FakeVm vm, PolicyTestStep step, uint sequence, byte[] message, byte[] reply)
    {
        int length;
        try
        {
            length = TestEvents.Write(step, vm, sequence, message);
        }
        catch (ArgumentException e)
        {
            return ([e.Message], []);
        }

        rig.Decide(message.AsSpan(0, length), reply);
        var output = rig.TakeOutput();
        var failures = Troubles(output);
        if (step.Expect is { } expected)
        {
            failures.AddRange(ExpectationCheck.Failures(expected, rig, vm, (int)step.With.GetValueOrDefault("vcpu"), output));
        }

        return (failures, failures.Count == 0 ? [] : SeenOutput.Describe(rig.Outcome, output));
    }

    // A policy that is refused, fails or is quarantined must not pass its tests by staying silent.
    internal static List<string> Troubles(IReadOnlyList<OutputRecord> output) =>
        [.. output.OfType<StatusOutput>().Where(status => status.Status is "refused" or "policy-error" or "quarantined" or "lease-error")
            .Select(status => status.Message)];

    private static string At(SourceLocation location) => location.Line == 0 ? location.File : $"{location.File}:{location.Line}";
}
