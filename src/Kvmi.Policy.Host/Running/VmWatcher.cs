using System.Globalization;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Host.Running;

/// <summary>Writes a line when a VM comes or goes, and counts the VMs.</summary>
internal sealed class VmWatcher : IVmObserver
{
    private readonly ResultWriter _results;
    private long _attached;

    public VmWatcher(ResultWriter results) => _results = results;

    /// <summary>VMs that were attached so far.</summary>
    public long Attached => Volatile.Read(ref _attached);

    /// <summary>How a VM is called in output: its name, or its UUID when the name is empty.</summary>
    public static string NameOf(VmIdentity identity) => identity.Name.Length > 0 ? identity.Name : identity.Uuid.ToString();

    public void Connected(VmStatus vm)
    {
        Interlocked.Increment(ref _attached);
        _results.Write(new StatusOutput
        {
            Time = _results.Now,
            Vm = NameOf(vm.Identity),
            Status = "connected",
            Message = string.Create(CultureInfo.InvariantCulture,
                $"{NameOf(vm.Identity)} from {vm.Identity.Peer}: dialect {vm.Dialect}, {Words.Count(vm.VcpuCount, "vCPU")}."),
            Fields =
            [
                new OutputField("uuid", vm.Identity.Uuid.ToString()),
                new OutputField("dialect", vm.Dialect),
                new OutputField("vcpus", (long)vm.VcpuCount),
                new OutputField(
                    "commands", Names(vm.Capabilities.Commands, Enum.GetValues<CommandKind>(), kind => Words.CamelCase(kind.ToString()))),
                new OutputField("events", Names(vm.Capabilities.Events, Enum.GetValues<EventKind>(), Words.Of)),
            ],
        });
    }

    public void Disconnected(VmStatus vm, DetachReason reason, string? detail)
    {
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
            ],
        });
    }

    private static string Names<T>(IReadOnlySet<T> allowed, T[] all, Func<T, string> name)
        where T : struct, Enum =>
        string.Join(' ', all.Where(allowed.Contains).Select(name));
}
