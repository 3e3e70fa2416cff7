using System.Text;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Running;
using Kvmi.Policy.Host.Sinks;
using Kvmi.Session;
using Kvmi.Session.Deadlines;

namespace Kvmi.Policy.Host.Metrics;

/// <summary>One look at a host: all metrics of a scrape are read from the same one. Stops nobody.</summary>
internal sealed class HostReading
{
    /// <summary>VMs with labels of their own; those that come after share "_other".</summary>
    public const int MaxVms = 256;

    /// <summary>Policies with labels of their own.</summary>
    public const int MaxPolicies = 1024;

    /// <summary>Characters of a VM's name in a label.</summary>
    public const int MaxNameLength = 64;

    private static readonly string[] Others = ["_other", ""];

    public HostReading(HostView host)
    {
        Host = host;
        Summary = host.Engine.GetSummary();
        Deadlines = host.Server.Deadlines;
        Sinks = host.Feed.Sinks?.States ?? [];
        Vms = [.. host.Server.Vms.Select((vm, index) => (LabelsOf(vm.Identity, index), vm))];
        var labels = Vms.DistinctBy(vm => vm.Vm.Identity.Uuid).ToDictionary(vm => vm.Vm.Identity.Uuid, vm => vm.Labels);
        EngineVms = [.. host.Engine.GetVms().Where(vm => labels.ContainsKey(vm.Uuid)).Select(vm => (labels[vm.Uuid], vm))];
        Statistics = [.. host.Engine.GetStatistics().Select((policy, index) => (index < MaxPolicies ? policy.PolicyId : "_other", policy))];
    }

    public HostView Host { get; }

    public EngineSummary Summary { get; }

    public DeadlineCounters Deadlines { get; }

    /// <summary>The attached VMs with the values of their labels, vm and vm_uuid.</summary>
    public IReadOnlyList<(string[] Labels, VmStatus Vm)> Vms { get; }

    /// <summary>What the engine knows of them.</summary>
    public IReadOnlyList<(string[] Labels, VmPolicySummary Vm)> EngineVms { get; }

    /// <summary>The counters of every policy that was ever live.</summary>
    public IReadOnlyList<(string Label, PolicyStatistics Policy)> Statistics { get; }

    /// <summary>Where alerts go besides stdout.</summary>
    public IReadOnlyList<SinkState> Sinks { get; }

    public MasterMode Master => Host.Engine.MasterMode;

    private static string[] LabelsOf(Session.Vm.VmIdentity identity, int index) =>
        index < MaxVms ? [Cut(VmWatcher.NameOf(identity)), identity.Uuid.ToString()] : Others;

    /// <summary>At most so many characters, no half of a pair, no control characters: a name is the guest owner's, and no secret channel into a terminal.</summary>
    internal static string Cut(string name)
    {
        var text = new StringBuilder();
        foreach (var rune in name.EnumerateRunes())
        {
            if (text.Length + rune.Utf16SequenceLength > MaxNameLength)
            {
                break;
            }

            text.Append(Rune.IsControl(rune) && rune.Value != '\n' ? "\uFFFD" : rune.ToString());
        }

        return text.ToString();
    }
}
