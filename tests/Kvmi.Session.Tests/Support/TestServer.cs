using System.Collections.Concurrent;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Support;

/// <summary>A server on a Unix socket in a folder of its own.</summary>
internal sealed class TestServer : IAsyncDisposable, IVmObserver
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi").FullName;

    public TestServer(IVmHandlerFactory handlers, Func<KvmiServerOptions, KvmiServerOptions>? configure = null, TimeProvider? time = null)
    {
        Path = System.IO.Path.Combine(_folder, "s");
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse("unix:" + Path)], Observer = this };
        Server = new KvmiServer(configure?.Invoke(options) ?? options, handlers, Log, time ?? TimeProvider.System);
        Server.Start();
    }

    public string Path { get; }

    public KvmiServer Server { get; }

    public LogSink Log { get; } = new();

    public ConcurrentQueue<VmStatus> Arrived { get; } = [];

    public ConcurrentQueue<(VmStatus Vm, DetachReason Reason, string? Detail)> Gone { get; } = [];

    public static void Until(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), what);

    public void Connected(VmStatus vm) => Arrived.Enqueue(vm);

    public void Disconnected(VmStatus vm, DetachReason reason, string? detail) => Gone.Enqueue((vm, reason, detail));

    public string WaitForWarning(string part)
    {
        Until(() => Log.Warnings.Any(text => text.Contains(part, StringComparison.Ordinal)), $"no warning with '{part}': {string.Join(" | ", Log.Warnings)}");
        return Log.Warnings.First(text => text.Contains(part, StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
