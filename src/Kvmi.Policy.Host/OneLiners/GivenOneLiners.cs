using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.OneLiners;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.OneLiners;

/// <summary>
/// The policies of the command line. Each is a policy file that was never written: the loader reads it as it reads those of directories, and what it
/// says about the file is said about the one-liner.
/// </summary>
internal sealed class GivenOneLiners
{
    private readonly List<(string File, OneLiner Line, OneLinerPolicy Policy)> _policies;

    /// <summary>Writes their policy files, in memory.</summary>
    /// <param name="lines">The one-liners.</param>
    /// <param name="vms">Names of VMs that they are for; empty for all.</param>
    /// <param name="prefix">What their ids begin with; a running number follows.</param>
    public GivenOneLiners(IReadOnlyList<OneLiner> lines, IReadOnlyList<string> vms, string prefix) =>
        _policies = [.. lines.Select((line, index) => ($"{prefix}{index + 1}", line, new OneLinerPolicy(line, $"{prefix}{index + 1}", vms)))];

    /// <summary>None.</summary>
    public static GivenOneLiners None { get; } = new([], [], "expression-");

    /// <summary>False when the verb says itself what it does.</summary>
    public bool IsAnnounced { get; init; } = true;

    /// <summary>True when some were given.</summary>
    public bool Any => _policies.Count > 0;

    /// <summary>Puts them beside the policies of directories.</summary>
    public IPolicySource Beside(IPolicySource files, PolicyLoadOptions options) => Any ? new Source(this, files, options) : files;

    /// <summary>Says what runs, and in which mode.</summary>
    public void Announce(ResultWriter results, PolicyMode? mode)
    {
        foreach (var (id, line, _) in IsAnnounced ? _policies : [])
        {
            var what = mode == PolicyMode.Enforce
                ? "enforces, its decision is carried out"
                : "reports only and leaves the guest alone, --mode enforce carries its decision out";
            results.Write(new StatusOutput
            {
                Time = results.Now,
                Policy = id,
                Status = "one-liner",
                Message = $"{what}: {line.Text}",
                Fields = [new OutputField("expression", line.Text), new OutputField("mode", mode == PolicyMode.Enforce ? "enforce" : "audit")],
            });
        }
    }

    /// <summary>Writes findings; one about a one-liner with the place in it.</summary>
    public void Report(ResultWriter results, IEnumerable<Finding> findings)
    {
        foreach (var finding in findings)
        {
            var (_, line, policy) = _policies.Find(entry => entry.File == finding.Location.File);
            if (line is null)
            {
                results.Write(new FindingOutput { Time = results.Now, Finding = finding });
                continue;
            }

            var position = policy.PositionOf(finding.Location.Line, finding.Location.Column) ?? 0;
            var excerpt = OneLinerException.Describe(line.Text, position, "").Split('\n')[1..];
            results.Write(new FindingOutput
            {
                Time = results.Now,
                Finding = finding with { Location = new SourceLocation(finding.Location.File, 1, position + 1) },
                Excerpt = excerpt,
            });
        }
    }

    private PolicySourceSnapshot Read(PolicySourceSnapshot files, PolicyLoadOptions options)
    {
        List<PolicyDefinition> definitions = [.. files.Definitions];
        List<Finding> findings = [.. files.Findings];
        foreach (var (file, _, policy) in _policies)
        {
            var result = PolicyFileLoader.Load(file, options with { Files = new TextFile(file, policy.Yaml) });
            findings.AddRange(result.Findings);
            if (result.Definition is not { } definition)
            {
                continue;
            }

            if (definitions.Find(other => other.Id == definition.Id) is { } taken)
            {
                findings.Add(new Finding(
                    taken.Location, FindingSeverity.Error, DuplicateId, $"The id '{taken.Id}' is that of a one-liner of the command line.", "rename the policy"));
                continue;
            }

            definitions.Add(definition);
        }

        return new PolicySourceSnapshot(definitions, findings);
    }

    // The code of two files with one id (findings.md).
    private const string DuplicateId = "KP0225";

    private sealed class Source(GivenOneLiners lines, IPolicySource files, PolicyLoadOptions options) : IPolicySource
    {
        public PolicySourceSnapshot Read() => lines.Read(files.Read(), options);
    }
}
