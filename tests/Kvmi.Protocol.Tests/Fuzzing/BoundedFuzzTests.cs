using Kvmi.Fuzz;
using Kvmi.Fuzz.Messages;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Fuzzing;

/// <summary>The fuzzer of tests/Fuzz, bounded: the long runs are made by hand (tests/Fuzz/README.md).</summary>
public sealed class BoundedFuzzTests
{
    private const int Messages = 200_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // Decoders that take any bytes: what is missing reads as zero, and there is no padding.
    private static readonly string[] Tolerant = ["Read(QueryPhysical)"];

    [Fact]
    public async Task Mutated_messages_break_no_decoder_and_every_decoder_is_reached()
    {
        var corpus = SeedCorpus.Make(FuzzOptions.DefaultCaptures, Dialect.All);
        Assert.NotEmpty(corpus.Captures);
        var run = new FuzzRun(corpus, 20261121);
        var running = Task.Run(() => run.Run(0, Messages), TestContext.Current.CancellationToken);
        try
        {
            await running.WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"Message {run.Position} hangs a decoder.");
        }

        Assert.All(run.Statistics.Decoders, decoder => Assert.True(
            decoder.Value.Accepted > 0 && (decoder.Value.Refused > 0 || Tolerant.Contains(decoder.Key)), $"{decoder.Key}: {decoder.Value}"));
        Assert.True(run.Statistics is { Understood: > 1000, NotUnderstood: > 1000, Texts: > 100 }, run.Statistics.ToString());
    }

    [Fact]
    public void A_message_can_be_made_again_without_those_before_it()
    {
        var corpus = SeedCorpus.Make(FuzzOptions.DefaultCaptures, Dialect.All);
        var whole = new FuzzRun(corpus, 3);
        whole.Run(0, 4 * FuzzRun.ConversationLength);
        var parts = new FuzzRun(corpus, 3);
        parts.Run(3 * FuzzRun.ConversationLength, FuzzRun.ConversationLength);
        parts.Run(0, 3 * FuzzRun.ConversationLength);
        Assert.Equal(whole.Statistics.Decoders.OrderBy(entry => entry.Key), parts.Statistics.Decoders.OrderBy(entry => entry.Key));
    }

    [Theory]
    [InlineData(true, "--messages", "10", "--seed", "7", "--first", "64")]
    [InlineData(true)]
    [InlineData(false, "--messages", "0")]
    [InlineData(false, "--messages")]
    [InlineData(false, "--seed", "x")]
    [InlineData(false, "--captures", "/nowhere/at/all")]
    [InlineData(false, "--frobnicate", "1")]
    public void Options_are_read_or_refused(bool fine, params string[] arguments)
    {
        var options = FuzzOptions.Parse(arguments, out var error);
        Assert.Equal(fine, options is not null);
        Assert.Equal(fine, error is null);
    }
}
