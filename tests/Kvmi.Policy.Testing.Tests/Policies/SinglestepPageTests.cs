using System.Text.RegularExpressions;

namespace Kvmi.Policy.Testing.Tests.Policies;

/// <summary>The example of the page on single steps is a policy that loads and whose own tests pass.</summary>
public sealed class SinglestepPageTests
{
    [Fact]
    public void The_example_passes_its_tests()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "singlestep.md"));
        using var policies = new TestPolicies();
        policies.WriteFiles("step-record", Block(page, "yaml"), Block(page, "csharp"));
        var results = policies.RunTests();
        Assert.Equal(2, results.Count);
        Assert.Empty(results.SelectMany(result => result.Failures));
    }

    private static string Block(string page, string language) =>
        Assert.Single(Regex.Matches(page, $"```{language}\n(?<text>.*?)```", RegexOptions.Singleline)).Groups["text"].Value;
}
