using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>Compiles a small plugin.</summary>
internal static class PluginAssembly
{
    public static byte[] Build(string id, string member)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System", StringComparison.Ordinal) || name.StartsWith("Kvmi.Policy.Abstractions", StringComparison.Ordinal) || name.StartsWith("Kvmi.Protocol", StringComparison.Ordinal)))
            .Select(path => MetadataReference.CreateFromFile(path));
        var source = $"[assembly: Kvmi.Policy.PolicyPlugin(\"{id}\")] public class Census : Kvmi.Policy.PolicyBase {{ {member} }}";
        using var image = new MemoryStream();
        var result = CSharpCompilation.Create(
            id, [CSharpSyntaxTree.ParseText(source)], references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)).Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return image.ToArray();
    }
}
