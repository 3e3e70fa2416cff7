using Kvmi.Policy.Engine.Configuration.Schema;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>
/// Loads site files: bytes, then YAML, then structure (site-schema.yaml). Bad input of any kind gives findings and no exception.
/// Stateless; safe for any thread.
/// </summary>
public static class SiteFileLoader
{
    /// <summary>Loads the files and puts them over each other: what a later one says about a policy replaces what an earlier one says, key by key.</summary>
    /// <param name="paths">Site files, as findings shall show them.</param>
    /// <param name="files">Where they come from.</param>
    public static SiteLoadResult Load(IReadOnlyList<string> paths, IPolicyFileSource files) => Load(paths, files, _ => null);

    /// <summary>As the other, and checks the sinks.</summary>
    /// <param name="paths">Site files, as findings shall show them.</param>
    /// <param name="files">Where they come from.</param>
    /// <param name="sinkProblem">What is wrong with the letters of a sink, as a sentence; null for nothing.</param>
    public static SiteLoadResult Load(IReadOnlyList<string> paths, IPolicyFileSource files, Func<string, string?> sinkProblem)
    {
        ArgumentNullException.ThrowIfNull(sinkProblem);
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(files);
        var policies = new Dictionary<string, SitePolicy>(StringComparer.Ordinal);
        var vms = new List<SiteVm>();
        var sinks = new List<SiteSink>();
        var findings = new List<Finding>();
        foreach (var path in paths)
        {
            var own = new FindingList(path);
            if (ReadRoot(path, files, own) is { } root && own.Errors == 0)
            {
                ReadPolicies(path, root["policies"], policies);
                vms.AddRange((root["vms"]?.Items ?? []).Select(ReadVm));
                ReadSinks(path, root["sinks"], sinks, sinkProblem, own);
            }

            findings.AddRange(own.All);
        }

        return new SiteLoadResult(new SiteSettings { Policies = policies, Vms = vms, Sinks = sinks, Files = [.. paths] }, findings);
    }

    private static YamlNode? ReadRoot(string path, IPolicyFileSource files, FindingList findings)
    {
        byte[] bytes;
        try
        {
            bytes = files.Read(path, YamlReader.LargestFile);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            findings.Error(0, 0, FindingCodes.CannotRead, $"The file cannot be read: {exception.Message}");
            return null;
        }

        var root = YamlReader.Read(bytes, findings);
        if (root is not null)
        {
            new SchemaValidator(findings).Validate(root, SiteSchema.Root, "");
        }

        return root;
    }

    private static void ReadPolicies(string path, YamlNode? node, Dictionary<string, SitePolicy> policies)
    {
        foreach (var (id, settings) in node?.Properties ?? [])
        {
            var earlier = policies.GetValueOrDefault(id.Text) ?? new SitePolicy();
            var parameters = new Dictionary<string, SiteValue>(earlier.Parameters, StringComparer.Ordinal);
            foreach (var (name, value) in settings["parameters"]?.Properties ?? [])
            {
                parameters[name.Text] = new SiteValue(value.ToRaw(), At(path, value));
            }

            policies[id.Text] = new SitePolicy
            {
                Enabled = settings["enabled"]?.IsTrue ?? earlier.Enabled,
                Mode = settings["mode"] is { } mode ? Enum.Parse<PolicyMode>(mode.Text, ignoreCase: true) : earlier.Mode,
                Severity = settings["severity"] is { } severity ? Enum.Parse<PolicySeverity>(severity.Text, ignoreCase: true) : earlier.Severity,
                Parameters = parameters,
                Location = At(path, id),
            };
        }
    }

    private static void ReadSinks(string path, YamlNode? node, List<SiteSink> sinks, Func<string, string?> sinkProblem, FindingList findings)
    {
        foreach (var item in node?.Items ?? [])
        {
            if (sinks.Exists(sink => sink.Text == item.Text))
            {
                findings.Error(item, FindingCodes.DuplicateName, $"The sink {Quoting.Quote(item.Text)} is given twice.", "keep one");
            }
            else if (sinkProblem(item.Text) is { } problem)
            {
                findings.Error(item, FindingCodes.SinkInvalid, $"The sink {Quoting.Quote(item.Text)} cannot be: {problem}", "the letters are those of run --sink");
            }
            else
            {
                sinks.Add(new SiteSink(item.Text, At(path, item)));
            }
        }
    }

    private static SiteVm ReadVm(YamlNode node) => new(
        node["name"]!.Text, [.. (node["tags"]?.Items ?? []).Select(tag => tag.Text)], node["os"]?.Text, node["profile"]?.Text);

    private static SourceLocation At(string path, YamlNode node) => new(path, node.Line, node.Column);
}
