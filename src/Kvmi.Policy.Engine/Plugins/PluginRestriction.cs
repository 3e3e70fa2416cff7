using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.AllowList;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// Holds a plugin and its private dependencies against the allow-lists, before any of their code is loaded. What it cannot see is unverifiable
/// IL that was made by hand; a compiler marks unsafe code, and the mark is refused.
/// </summary>
internal static class PluginRestriction
{
    private const string AccessAttribute = "IgnoresAccessChecksToAttribute";

    /// <summary>Checks every assembly that the plugin brings along.</summary>
    /// <exception cref="PluginLoadException">One is missing or refused.</exception>
    public static IReadOnlyList<Finding> Check(string plugin, PluginLoadOptions options)
    {
        var dependencies = new PluginDependencies(options);
        var files = dependencies.Check();

        // What it brings is checked itself, so that it may be used whole.
        HashSet<string> known = [PluginContract.AssemblyName, typeof(CommandKind).Assembly.GetName().Name!, .. files.Select(file => file.Name)];
        var findings = new List<Finding>();
        foreach (var file in files)
        {
            foreach (var breach in Disguises(file).Concat(AllowListCheck.Run(AllowedMembers.Plugins, known, file.Image, dependencies.ReadSymbols(file.Path))))
            {
                var place = breach.File is null ? new SourceLocation(file.Path) : new SourceLocation(breach.File, breach.Line, breach.Column);
                findings.Add(new(place, FindingSeverity.Error, CodeFindings.PluginNotAllowed,
                    $"plugin '{plugin}' is restricted, and {Path.GetFileName(file.Path)} {breach.What}",
                    breach.Hint ?? "use what the allow-lists name, or load the plugin without --restrict-plugins"));
            }
        }

        return findings;
    }

    // What would make the code that runs another one than the code that is read.
    private static IEnumerable<AllowListBreach> Disguises(PluginAssembly file)
    {
        using var image = new PEReader(ImmutableArray.Create(file.Image));
        var metadata = image.GetMetadataReader();
        if (image.PEHeaders.CorHeader is not { } header || header.ManagedNativeHeaderDirectory.Size != 0 || (header.Flags & CorFlags.ILOnly) == 0)
            yield return new("has native code in it", "build it without ReadyToRun (PublishReadyToRun=false)", null, 0, 0);

        if (metadata.ExportedTypes.Any(handle => metadata.GetExportedType(handle).IsForwarder))
            yield return new("forwards types to other assemblies", "name the types where they are", null, 0, 0);

        if (metadata.TypeDefinitions.Any(handle => metadata.StringComparer.Equals(metadata.GetTypeDefinition(handle).Name, AccessAttribute)))
            yield return new($"has a {AccessAttribute}, which opens what other assemblies keep private", "use what is public", null, 0, 0);
    }
}
