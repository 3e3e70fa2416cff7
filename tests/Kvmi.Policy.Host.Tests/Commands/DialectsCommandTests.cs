using System.Text.Json;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class DialectsCommandTests
{
    [Fact]
    public async Task Every_dialect_is_printed_with_its_commands_and_events()
    {
        var result = (await CommandProcess.RunAsync("dialects", "--json")).Expect(0);
        Assert.Equal(Dialect.All.Select(dialect => dialect.Name), Lines(result, "dialect").Select(line => line.GetProperty("dialect").GetString()!));
        foreach (var dialect in Dialect.All)
        {
            var ids = Lines(result, "command").Where(line => line.GetProperty("dialect").GetString() == dialect.Name)
                .Select(line => (ushort)line.GetProperty("id").GetInt32());
            Assert.Equal(Enum.GetValues<CommandKind>().Where(kind => dialect.TryGetCommandId(kind, out _)).Select(kind => Id(dialect, kind)).Order(), ids);
            Assert.Equal(
                Enum.GetValues<EventKind>().Count(kind => dialect.TryGetEventId(kind, out _)),
                Lines(result, "event").Count(line => line.GetProperty("dialect").GetString() == dialect.Name));
        }

        Assert.Equal(Dialect.All.Count, result.Json[^1].GetProperty("dialects").GetInt32());
    }

    [Fact]
    public async Task One_dialect_is_printed_when_it_is_named()
    {
        var result = (await CommandProcess.RunAsync("dialects", "v7")).Expect(0);
        Assert.StartsWith("dialect  v7: 42 commands, 14 events", result.Output[0], StringComparison.Ordinal);
        var change = result.Output.Single(line => line.StartsWith("command   60 CHANGE_GFN", StringComparison.Ordinal));
        Assert.EndsWith("request 32                 reply 8 (request of older builds 24)", change, StringComparison.Ordinal);
        var fault = result.Output.Single(line => line.StartsWith("event      6 PF ", StringComparison.Ordinal));
        Assert.EndsWith("reply 288: continue, retry, crash; after CONTROL_EVENTS", fault, StringComparison.Ordinal);
        Assert.Equal($"1 of {Dialect.All.Count} dialects: 42 commands, 14 events", result.Output[^1]);
    }

    [Fact]
    public async Task The_documentation_page_is_the_one_that_the_command_writes()
    {
        var result = (await CommandProcess.RunAsync("dialects", "--markdown")).Expect(0);
        var page = Path.Combine(AppContext.BaseDirectory, "dialects.md");
        if (!File.ReadAllLines(page).SequenceEqual(result.Output))
        {
            await File.WriteAllLinesAsync(page + ".received", result.Output, TestContext.Current.CancellationToken);
            Assert.Fail($"src/Kvmi.Protocol/dialects.md is not what the command writes. Copy {page}.received over it.");
        }
    }

    private static IEnumerable<JsonElement> Lines(CommandResult result, string type) =>
        result.Json.Where(line => line.GetProperty("type").GetString() == type);

    private static ushort Id(Dialect dialect, CommandKind kind) => dialect.TryGetCommandId(kind, out var id) ? id : (ushort)0;
}
