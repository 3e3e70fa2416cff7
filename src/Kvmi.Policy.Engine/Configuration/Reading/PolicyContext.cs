using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>What the sections of one file share while it is read.</summary>
internal sealed class PolicyContext
{
    public PolicyContext(string file, YamlNode root, PolicyLoadOptions options, FindingList findings)
    {
        File = file;
        Directory = Path.GetDirectoryName(file) ?? "";
        Metadata = root["metadata"]!;
        Spec = root["spec"]!;
        Id = Metadata["id"]!.Text;
        Options = options;
        Findings = findings;
    }

    public string File { get; }

    /// <summary>The policy's folder: nothing that the policy names lies outside.</summary>
    public string Directory { get; }

    public string Id { get; }

    public YamlNode Metadata { get; }

    public YamlNode Spec { get; }

    public PolicyLoadOptions Options { get; }

    public FindingList Findings { get; }

    /// <summary>Declared types of the parameters, also of those without a value.</summary>
    public Dictionary<string, ParameterDeclaration> Declarations { get; } = new(StringComparer.Ordinal);

    /// <summary>Parameters that have a value.</summary>
    public Dictionary<string, PolicyParameter> Parameters { get; } = new(StringComparer.Ordinal);

    public SourceLocation At(YamlNode node) => new(File, node.Line, node.Column);

    /// <summary>The path of a file that the policy names; null (and a finding) when it would lie outside of the policy's folder.</summary>
    public string? Resolve(YamlNode node)
    {
        var relative = node.Text;
        var isInside = relative.Length > 0
            && !Path.IsPathRooted(relative)
            && !relative.Contains('\\', StringComparison.Ordinal)
            && !relative.Contains(':', StringComparison.Ordinal)
            && !relative.AsSpan().ContainsAnyInRange('\0', '\x1f')
            && !relative.Split('/').Contains("..");
        if (isInside)
        {
            return Path.Combine(Directory, relative);
        }

        Findings.Error(node, FindingCodes.PathLeavesFolder, $"The path {Quoting.Quote(relative)} does not stay in the policy's folder.", "use a relative path with / and without ..");
        return null;
    }
}
