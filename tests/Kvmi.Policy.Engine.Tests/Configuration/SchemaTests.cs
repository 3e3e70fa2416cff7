using System.Text.RegularExpressions;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Tests.Configuration;

public class SchemaTests
{
    [Fact]
    public void The_embedded_schema_is_the_one_at_the_root() =>
        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "policy-schema.yaml")), PolicySchema.Text);

    [Fact]
    public void The_schema_knows_exactly_the_engines_events()
    {
        var names = Regex.Match(PolicySchema.Text, @"  event:\n    type: string\n    enum: \[(?<names>[^\]]*)\]").Groups["names"].Value;
        Assert.Equal(PolicyEvents.All.Select(entry => entry.Name), names.Split(", "));
    }

    [Fact]
    public void Every_command_can_be_required_by_its_name()
    {
        foreach (var command in Enum.GetValues<CommandKind>())
        {
            var name = Regex.Replace(command.ToString(), "(?<=[a-z])(?=[A-Z])", "-").ToLowerInvariant();
            var policy = PolicyText.MustLoadSpec($$"""
                  mode: audit
                  requires: { commands: [control-events, control-cr, {{name}}] }
                  subscriptions: [{ event: cr, handler: A }]
                """);
            Assert.Contains(command, policy.Requires.Commands);
        }
    }

    [Fact]
    public void The_table_of_findings_and_the_code_agree()
    {
        var table = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "findings.md"))
            .Select(line => Regex.Match(line, @"^\| (KP\d{4}) \| .+ \| .+ \|$"))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)
            .ToArray();
        var codes = typeof(PolicyFileLoader).Assembly.GetType("Kvmi.Policy.Engine.Configuration.FindingCodes", throwOnError: true)!
            .GetFields()
            .Select(field => (string)field.GetRawConstantValue()!)
            .ToArray();
        Assert.Equal(codes.Order(), table);
        Assert.Equal(codes.Length, codes.Distinct().Count());
    }
}
