using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Host.Running;

/// <summary>Writes a line when a VM comes or goes, and counts the VMs.</summary>
internal sealed class VmWatcher : IVmObserver
{
    private const int MaxNamed = 10;
    private readonly ResultWriter _results;
    private readonly ConcurrentDictionary<VmStatus, string> _present = new(ReferenceEqualityComparer.Instance);
    private long _attached;

    public VmWatcher(ResultWriter results) => _results = results;

    /// <summary>VMs that were attached so far.</summary>
    public long Attached => Volatile.Read(ref _attached);

    /// <summary>How a VM is called in output: its name, or its UUID when the name is empty.</summary>
    public static string NameOf(VmIdentity identity) => identity.Name.Length > 0 ? identity.Name : identity.Uuid.ToString();

    /// <summary>What is known of a VM and what it offers, for the JSON line.</summary>
    public static IReadOnlyList<OutputField> FieldsOf(VmStatus vm) =>
    [
        new OutputField("uuid", vm.Identity.Uuid.ToString()),
        new OutputField("dialect", vm.Dialect),
        new OutputField("vcpus", (long)vm.VcpuCount),
        new OutputField("arrival", Words.CamelCase(vm.Identity.Arrival.ToString())),
        new OutputField("maxPayload", (long)vm.Capabilities.MaxPayload),
        .. vm.Capabilities.MaxGfn is { } gfn ? [new OutputField("maxGfn", (long)gfn)] : Array.Empty<OutputField>(),
        new OutputField("commands", Names(vm.Capabilities.Commands)),
        new OutputField("forbiddenCommands", Names(vm.Capabilities.ForbiddenCommands)),
        new OutputField("absentCommands", Names(vm.Capabilities.AbsentCommands)),
        new OutputField("events", Names(vm.Capabilities.Events)),
        new OutputField("forbiddenEvents", Names(vm.Capabilities.ForbiddenEvents)),
        new OutputField("absentEvents", Names(vm.Capabilities.AbsentEvents)),
    ];

    /// <summary>What is left undone when the process ends here and now, for the terminal.</summary>
    public string DescribeAbandoned()
    {
        var names = _present.Values.Order(StringComparer.Ordinal).ToArray();
        return names.Length == 0
            ? "ended at once; no VM was attached."
            : new StringBuilder("ended at once; not given back: ").AppendSafe(string.Join(", ", names.Take(MaxNamed)))
                + $"{(names.Length > MaxNamed ? $" and {names.Length - MaxNamed} more" : "")}. Traps and page rights go with the connection; bytes that policies "
                + "wrote are put back when the VM connects to the next run with the same --state.";
    }

    public void Connected(VmStatus vm)
    {
        Interlocked.Increment(ref _attached);
        _present[vm] = NameOf(vm.Identity);
        _results.Write(new StatusOutput
        {
            Time = _results.Now,
            Vm = NameOf(vm.Identity),
            Status = "connected",
            Message = string.Create(CultureInfo.InvariantCulture,
                $"{NameOf(vm.Identity)} from {vm.Identity.Peer}: dialect {vm.Dialect}, {Words.Count(vm.VcpuCount, "vCPU")}, {Offer(vm.Capabilities)}."),
            Fields = FieldsOf(vm),
        });
    }

    public void Disconnected(VmStatus vm, DetachReason reason, string? detail)
    {
        _present.TryRemove(vm, out _);
        var counters = vm.Counters;
        var why = reason switch
        {
            DetachReason.Stopping => "this tool gave it back",
            DetachReason.Unhook => "the hypervisor asked for it (unhook)",
            DetachReason.PeerLost => "the connection was lost",
            _ => "the peer broke the protocol",
        };
        _results.Write(new StatusOutput
        {
            Time = _results.Now,
            Vm = NameOf(vm.Identity),
            Status = "disconnected",
            Message = string.Create(
                CultureInfo.InvariantCulture,
                $"{NameOf(vm.Identity)} is gone: {why}{(detail is null ? "" : $" ({detail})")}; {Words.Count(counters.Events, "event")}, {counters.Replies} answered."),
            Fields =
            [
                new OutputField("cause", Words.CamelCase(reason.ToString())),
                new OutputField("events", counters.Events),
                new OutputField("replies", counters.Replies),
                new OutputField("commands", counters.Commands),
                new OutputField("commandErrors", counters.CommandErrors),
                new OutputField("allocatedBytes", counters.AllocatedBytes),
            ],
        });
    }

    /// <summary>The limit, and what cannot be used of the dialect, for people; the JSON line has all of it.</summary>
    private static string Offer(VmCapabilities capabilities)
    {
        string[] parts =
        [
            Missing("forbidden", Names(capabilities.ForbiddenCommands), Names(capabilities.ForbiddenEvents)),
            Missing("not in this kernel", Names(capabilities.AbsentCommands), Names(capabilities.AbsentEvents)),
        ];
        var missing = string.Join("; ", parts.Where(part => part.Length > 0));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"messages up to {capabilities.MaxPayload} bytes, {(missing.Length == 0 ? "everything allowed" : missing)}");
    }

    private static string Missing(string title, string commands, string events) => (commands.Length, events.Length) switch
    {
        (0, 0) => "",
        (_, 0) => $"{title}: commands {commands}",
        (0, _) => $"{title}: events {events}",
        _ => $"{title}: commands {commands}, events {events}",
    };

    private static string Names(IReadOnlySet<CommandKind> kinds) =>
        string.Join(' ', kinds.Order().Select(kind => Words.CamelCase(kind.ToString())));

    private static string Names(IReadOnlySet<EventKind> kinds) => string.Join(' ', kinds.Order().Select(Words.Of));
}
