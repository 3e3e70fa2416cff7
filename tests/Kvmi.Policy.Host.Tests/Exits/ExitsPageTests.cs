using System.Reflection;
using System.Text.RegularExpressions;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>exits.md says only what a test shows, and leaves no test out.</summary>
public sealed partial class ExitsPageTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "exits.md"));

    [Fact]
    public void Every_row_names_a_test_and_every_test_has_a_row()
    {
        var named = TestName().Matches(Page).Select(match => match.Groups[1].Value).ToArray();
        var existing = new[] { typeof(SignalTests), typeof(OutputTests), typeof(FullDiskTests), typeof(ChurnTests), typeof(HangTests), typeof(RemovalTests) }
            .SelectMany(type => type.GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>() is not null).Select(method => $"{type.Name}.{method.Name}"));
        Assert.Equal(existing.Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_exit_code_is_on_the_page()
    {
        var codes = typeof(ExitCode).GetFields().Where(field => field.IsLiteral).Select(field => (int)field.GetRawConstantValue()!).ToArray();
        Assert.NotEmpty(codes);
        Assert.All(codes, code => Assert.Contains($"\n| {code} |", Page, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"`(\w+Tests\.\w+)` \|")]
    private static partial Regex TestName();
}
