using System.Text.Json;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Sinks;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Sinks;

public sealed class FileSinkTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    private string File => Path.Combine(_directory.Path, "alerts.jsonl");

    [Fact]
    public async Task Large_files_are_renamed_and_the_oldest_goes()
    {
        using (var sink = SinkLines.Open($"file,max-size=4096,keep=2,sync=always:{File}"))
        {
            for (var i = 0; i < 20; i++)
            {
                await Deliver(sink, [.. Enumerable.Range(i * 5, 5).Select(number => Line(number))]);
            }
        }

        Assert.Equal(["alerts.jsonl", "alerts.jsonl.1", "alerts.jsonl.2"], Directory.GetFiles(_directory.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var numbers = Numbers(File + ".2").Concat(Numbers(File + ".1")).Concat(Numbers(File)).ToArray();
        Assert.Equal(Enumerable.Range(100 - numbers.Length, numbers.Length), numbers);
        Assert.All(Directory.GetFiles(_directory.Path), file => Assert.InRange(new FileInfo(file).Length, 1, 4096));
    }

    [Fact]
    public async Task A_line_larger_than_a_file_stands_in_one_of_its_own()
    {
        using var sink = SinkLines.Open($"file,max-size=4096,keep=3:{File}");
        await Deliver(sink, Line(1), SinkLines.Alert(fields: new OutputField("text", new string('x', 9000))), Line(2));
        Assert.Equal([2], Numbers(File));
        Assert.InRange(new FileInfo(File + ".1").Length, 9000, 10_000);
        Assert.Equal([1], Numbers(File + ".2"));
    }

    [Fact]
    public async Task A_new_start_goes_on_after_the_last_line_and_ends_one_that_was_cut_off()
    {
        await System.IO.File.WriteAllTextAsync(File, "{\"type\":\"al");
        using (var sink = SinkLines.Open($"file:{File}"))
        {
            await Deliver(sink, Line(1));
        }

        var lines = await System.IO.File.ReadAllLinesAsync(File);
        Assert.Equal(2, lines.Length);
        using var document = JsonDocument.Parse(lines[1]);
        Assert.Equal("alert", document.RootElement.GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_file_that_somebody_renamed_is_begun_anew()
    {
        using var sink = SinkLines.Open($"file:{File}");
        await Deliver(sink, Line(1));
        System.IO.File.Move(File, File + ".old");
        await Deliver(sink, Line(2));
        Assert.Equal([1], Numbers(File + ".old"));
        Assert.Equal([2], Numbers(File));
    }

    [Fact]
    public async Task Others_may_not_read_it()
    {
        using var sink = SinkLines.Open($"file:{File}");
        await Deliver(sink, Line(1));
        Assert.Equal(UnixFileMode.None, System.IO.File.GetUnixFileMode(File) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_told_at_the_start() => Assert.Contains(
        "cannot be written",
        Assert.Throws<HostEnvironmentException>(() => SinkLines.Open($"file:{File}/nowhere/x")).Message,
        StringComparison.Ordinal);

    [Fact]
    public async Task A_full_disk_fails_and_nothing_counts_as_delivered()
    {
        using var sink = SinkLines.Open("file:/dev/full");
        var batch = SinkLines.Batch(Line(1));
        await Assert.ThrowsAsync<IOException>(async () => await sink.DeliverAsync(batch, CancellationToken.None));
        Assert.Equal(0, batch.Delivered);
    }

    public void Dispose() => _directory.Dispose();

    private static NoticeOutput Line(int number) => SinkLines.Alert(fields: new OutputField("number", (long)number));

    private static async Task Deliver(IRecordSink sink, params OutputRecord[] records)
    {
        var batch = SinkLines.Batch(records);
        await sink.DeliverAsync(batch, CancellationToken.None);
        Assert.Equal(records.Length, batch.Delivered);
    }

    private static int[] Numbers(string file) =>
        [.. System.IO.File.ReadAllLines(file).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("fields").GetProperty("number").GetInt32())];
}
