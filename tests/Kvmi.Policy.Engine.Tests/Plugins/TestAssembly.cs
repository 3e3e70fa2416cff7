using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>Compiles tiny assemblies, one per loading bug.</summary>
internal static class TestAssembly
{
    /// <summary>A plugin whose class <c>Census</c> answers CR events with keep(old) and publishes a counter.</summary>
    public const string GoodPlugin =
        """
        using Kvmi.Policy;
        [assembly: PolicyPlugin("census")]
        namespace Test.Plugins
        {
            public interface ICounter { int Count { get; } }

            public class Census : PolicyBase, ICounter
            {
                public int Count { get; private set; }
                protected override void OnAttach() => Publish<ICounter>(this);
                private Decision OnCr(CrEvent e) { Count++; return Keep(e.Old); }
            }
        }
        """;

    private static readonly Lazy<IReadOnlyList<MetadataReference>> Platform = new(() =>
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System", StringComparison.Ordinal) || name.StartsWith("Kvmi", StringComparison.Ordinal)))
            .Select(path => MetadataReference.CreateFromFile(path))]);

    public static byte[] Build(string name, string source, params byte[][] references) =>
        Emit(name, source, [.. Platform.Value, .. references.Select(image => MetadataReference.CreateFromImage(image))]);

    /// <summary>Builds an assembly against the framework and the given ones, not against this solution's.</summary>
    public static byte[] BuildAlone(string name, string source, params byte[][] references) => Emit(
        name,
        source,
        [
            .. Platform.Value.Where(reference => !Path.GetFileName(reference.Display!).StartsWith("Kvmi", StringComparison.Ordinal)),
            .. references.Select(image => MetadataReference.CreateFromImage(image)),
        ]);

    /// <summary>Builds a plugin against a contract of another version.</summary>
    public static byte[] BuildAgainstContract(string contractVersion, string id)
    {
        const string contract =
            """
            [assembly: System.Reflection.AssemblyVersion("VERSION")]
            namespace Kvmi.Policy
            {
                public sealed class PolicyPluginAttribute : System.Attribute { public PolicyPluginAttribute(string id) { } }
                public abstract class PolicyBase { }
            }
            """;
        var framework = Platform.Value.Where(reference => !Path.GetFileName(reference.Display!).StartsWith("Kvmi", StringComparison.Ordinal)).ToList();
        var image = Emit("Kvmi.Policy.Abstractions", contract.Replace("VERSION", contractVersion, StringComparison.Ordinal), framework);
        return Emit(
            "Other",
            $"[assembly: Kvmi.Policy.PolicyPlugin(\"{id}\")] public class Other : Kvmi.Policy.PolicyBase {{ }}",
            [.. framework, MetadataReference.CreateFromImage(image)]);
    }

    /// <summary>Builds an assembly and its portable PDB, which names the source file.</summary>
    public static (byte[] Image, byte[] Symbols) BuildWithSymbols(string name, string source, string file, OptimizationLevel optimization = OptimizationLevel.Release)
    {
        var compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(source, path: file, encoding: System.Text.Encoding.UTF8)],
            Platform.Value,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: optimization));
        using var image = new MemoryStream();
        using var symbols = new MemoryStream();
        var result = compilation.Emit(image, symbols, options: new(debugInformationFormat: Microsoft.CodeAnalysis.Emit.DebugInformationFormat.PortablePdb));
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return (image.ToArray(), symbols.ToArray());
    }

    private static byte[] Emit(string name, string source, IEnumerable<MetadataReference> references)
    {
        var compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(source)],
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: source.Contains("unsafe", StringComparison.Ordinal)));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return image.ToArray();
    }
}
