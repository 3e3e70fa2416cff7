using System.Reflection;
using System.Runtime.Loader;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kvmi.Policy.Testing.Tests.Hosting;

/// <summary>The README of the package: its example is compiled and run as it stands.</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public void The_example_in_C_sharp_runs_and_is_right()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "testing.md"));
        var code = CSharpBlock().Matches(page).Select(match => match.Groups[1].Value).Single(block => block.Contains("TestHost.Start", StringComparison.Ordinal));
        using var image = new MemoryStream();
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Kvmi.", StringComparison.Ordinal)))
            .Select(path => MetadataReference.CreateFromFile(path));
        var result = CSharpCompilation.Create(
            "Example",
            [CSharpSyntaxTree.ParseText("global using System;\n"), CSharpSyntaxTree.ParseText(code, cancellationToken: TestContext.Current.CancellationToken)],
            references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication)).Emit(image, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        image.Position = 0;
        var context = new AssemblyLoadContext("example", isCollectible: true);
        try
        {
            var main = context.LoadFromStream(image).EntryPoint!;
            Assert.Equal(0, main.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [Array.Empty<string>()], null));
        }
        finally
        {
            context.Unload();
        }
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();
}
