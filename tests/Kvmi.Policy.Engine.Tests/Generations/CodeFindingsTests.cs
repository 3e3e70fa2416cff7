using System.Reflection;
using Kvmi.Policy.Engine.Code;

namespace Kvmi.Policy.Engine.Tests.Generations;

public sealed class CodeFindingsTests
{
    [Fact]
    public void The_table_has_every_code_once_and_no_other()
    {
        var codes = typeof(CodeFindings).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!);
        var rows = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "code-findings.md"))
            .Where(line => line.StartsWith("| KP", StringComparison.Ordinal)).Select(line => line[2..8]);
        Assert.Equal(codes.Order(), rows);
    }
}
