using Kvmi.Fuzz;
using Kvmi.Fuzz.Traces;

namespace Kvmi.Policy.Testing.Tests.Traces;

/// <summary>The fuzzer of tests/Fuzz over traces, bounded: the long runs are made by hand (tests/Fuzz/README.md).</summary>
public sealed class TraceFuzzTests
{
    private const int Traces = 5000;

    [Fact]
    public void Damaged_and_forged_traces_break_no_reader_and_both_ends_are_reached()
    {
        var seeds = SeedTrace.Of(FuzzOptions.DefaultTraces);
        Assert.True(seeds.Count >= 3, "the traces of the shipped policies are not there");
        var run = new TraceFuzzRun(seeds, 20261121);
        run.Run(0, Traces);
        Assert.Equal(Traces - 1, run.Position);

        // What is damaged is mostly noticed, not always: some mutations change nothing. What is forged is read as far as it makes sense.
        Assert.True(run.Damaged is { Read: > 100, Noticed: > Traces / 4 }, run.Table);
        Assert.True(run.Forged is { Read: > 100, Noticed: > Traces / 8 }, run.Table);
    }

    [Fact]
    public void A_trace_can_be_made_again_without_those_before_it()
    {
        var seeds = SeedTrace.Of(FuzzOptions.DefaultTraces);
        var whole = new TraceFuzzRun(seeds, 3);
        whole.Run(0, 200);
        var parts = new TraceFuzzRun(seeds, 3);
        parts.Run(150, 50);
        parts.Run(0, 150);
        Assert.Equal((whole.Damaged, whole.Forged), (parts.Damaged, parts.Forged));
        Assert.Equal("--what traces --seed 3 --first 150 --messages 1", FuzzOptions.Again(3, 150, FuzzOptions.TracesWord));
    }

    [Theory]
    [InlineData(true, "--what", "traces")]
    [InlineData(false, "--what", "files")]
    [InlineData(false, "--traces", "/nowhere/at/all")]
    public void Options_are_read_or_refused(bool fine, params string[] arguments) => Assert.Equal(fine, FuzzOptions.Parse(arguments, out _) is not null);
}
