using System.Text.RegularExpressions;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>The C# on the pages about plugins compiles.</summary>
public sealed partial class PluginPagesTests
{
    // The public signatures of the package that the adapter uses.
    private const string McMaster =
        """
        namespace McMaster.NETCore.Plugins
        {
            public class PluginConfig
            {
                public bool LoadInMemory { get; set; }
                public bool PreferSharedTypes { get; set; }
                public bool IsLazyLoaded { get; set; }
                public bool EnableHotReload { get; set; }
            }

            public class PluginLoader : System.IDisposable
            {
                public static PluginLoader CreateFromAssemblyFile(string assemblyFile, bool isUnloadable, System.Type[] sharedTypes, System.Action<PluginConfig> configure) => new();
                public System.Reflection.Assembly LoadDefaultAssembly() => null!;
                public void Dispose() { }
            }
        }
        """;

    [Fact]
    public void The_adapter_of_the_seam_page_compiles() =>
        TestAssembly.Build("Adapter", Usings + Assert.Single(Code("loader-seam.md")), TestAssembly.Build("McMaster.NETCore.Plugins", McMaster));

    [Fact]
    public void The_sink_of_the_plugin_page_compiles() => TestAssembly.Build("Sink", Usings + "using Kvmi.Policy;\n" + Assert.Single(Code("plugins.md")));

    private const string Usings = "#nullable enable\nusing System;\nusing System.Collections.Generic;\nusing System.IO;\nusing System.Linq;\nusing System.Threading;\n";

    private static IEnumerable<string> Code(string page) =>
        Block().Matches(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, page))).Select(match => match.Groups[1].Value);

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
