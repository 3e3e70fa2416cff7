using System.Collections.Concurrent;
using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Vm;

namespace Kvmi.Conformance.Tests.Support;

/// <summary>The tool's end as a user has it: a server on a Unix socket in a folder of its own.</summary>
internal sealed class ToolServer : IAsyncDisposable, IVmObserver
{
    /// <summary>Longer than anything takes that is not broken.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi").FullName;

    public ToolServer(IVmHandlerFactory handlers, KvmiDialect? dialect = null, Func<KvmiServerOptions, KvmiServerOptions>? change = null)
    {
        Path = System.IO.Path.Combine(_folder, "s");
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse(Endpoint)], Dialect = dialect, Observer = this };
        Server = new KvmiServer(change?.Invoke(options) ?? options, handlers, Log, TimeProvider.System);
        Server.Start();
    }

    public string Path { get; }

    public string Endpoint => "unix:" + Path;

    public KvmiServer Server { get; }

    public LogLines Log { get; } = new();

    public ConcurrentQueue<VmStatus> Arrived { get; } = [];

    public ConcurrentQueue<(VmStatus Vm, DetachReason Reason, string? Detail)> Gone { get; } = [];

    public static void Until(Func<bool> condition, Func<string> what) => Assert.True(SpinWait.SpinUntil(condition, Patience), what());

    public void Connected(VmStatus vm) => Arrived.Enqueue(vm);

    public void Disconnected(VmStatus vm, DetachReason reason, string? detail) => Gone.Enqueue((vm, reason, detail));

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
