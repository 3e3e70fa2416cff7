using System.Text.Json;

namespace Kvmi.Policy.Host.Tests.Commands;

public class SchemaCommandTests
{
    [Theory]
    [InlineData("policy-schema.yaml", "spec", "priority")]
    [InlineData("site-schema.yaml", "policy", "mode", "--site")]
    public async Task The_schema_is_printed_as_it_stands_and_as_json(string file, string definition, string property, params string[] arguments)
    {
        var root = new DirectoryInfo(CommandProcess.Directory).Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        var yaml = (await CommandProcess.RunAsync(["schema", .. arguments])).Expect(0);
        Assert.Equal(await File.ReadAllLinesAsync(Path.Combine(root, file)), yaml.Output);
        var json = (await CommandProcess.RunAsync(["schema", "--json", .. arguments])).Expect(0);
        using var document = JsonDocument.Parse(string.Join('\n', json.Output));
        Assert.Equal("http://json-schema.org/draft-07/schema#", document.RootElement.GetProperty("$schema").GetString());
        Assert.Equal(JsonValueKind.Object, document.RootElement.GetProperty("definitions").GetProperty(definition).GetProperty("properties").GetProperty(property).ValueKind);
    }
}
