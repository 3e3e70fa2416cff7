using Kvmi.Session.Vm;

namespace Kvmi.Session;

/// <summary>An attached VM as the host sees it. Every member may be read by any thread, also after the VM has gone.</summary>
public sealed class VmStatus
{
    private readonly VmConnection _connection;

    internal VmStatus(VmConnection connection, string dialect)
    {
        _connection = connection;
        Dialect = dialect;
    }

    /// <summary>Who the VM is.</summary>
    public VmIdentity Identity => _connection.Identity;

    /// <summary>What it offers.</summary>
    public VmCapabilities Capabilities => _connection.Capabilities;

    /// <summary>Name of its dialect as on the command line: v7.</summary>
    public string Dialect { get; }

    /// <summary>Number of vCPUs; grows when one is plugged in.</summary>
    public int VcpuCount => _connection.VcpuCount;

    /// <summary>What has gone over the connection so far.</summary>
    public VmCounters Counters => _connection.Counters;
}
