using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime;
using System.Runtime.InteropServices;
using Kvmi.Kvm;
using Kvmi.Kvm.Devices;
using Kvmi.Policy.Engine.Trust;
using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>The machine itself.</summary>
internal sealed class LinuxHost : IHostSystem
{
    private const int LargestText = 64 * 1024;
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(5);
    private readonly Lazy<KvmFacts> _kvm = new(LookAtKvm);
    private readonly TimeProvider _time;

    public LinuxHost(TimeProvider time) => _time = time;

    public PlatformFacts Platform => new(
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64,
        ReadText("/proc/sys/kernel/osrelease")?.Trim() ?? "unknown",
        $"{RuntimeInformation.OSDescription} on {RuntimeInformation.ProcessArchitecture}");

    public UserFacts User
    {
        get
        {
            var id = HostCalls.EffectiveUser();
            return new UserFacts(id, NameOf(id), EffectiveCapabilities());
        }
    }

    public RuntimeFacts Runtime => new(
        Environment.Version,
        GCSettings.IsServerGC,
        GCSettings.LatencyMode is GCLatencyMode.Interactive or GCLatencyMode.LowLatency or GCLatencyMode.SustainedLowLatency,
        Environment.ProcessorCount);

    public KvmFacts Kvm => _kvm.Value;

    public FileFacts FileAt(string path) => HostCalls.FileAt(path);

    public string? OwnershipFlaw(string path) => FileOwnership.OfThisProcess.FindFlaw(path);

    public string? ReadText(string path) => ReadBytes(path, LargestText) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes) : null;

    public byte[]? ReadBytes(string path, int limit)
    {
        try
        {
            // Files of /proc and /sys say length 0, so the end is found by reading.
            using var stream = File.OpenRead(path);
            var buffer = new byte[limit];
            return buffer[..stream.ReadAtLeast(buffer, limit, throwOnEndOfStream: false)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // "Cannot be read" is the answer; the check that asked says what that means.
            return null;
        }
    }

    public LimitFacts Limit(LimitKind kind) => HostCalls.Limit(kind);

    public string NameOf(uint user)
    {
        var prefix = string.Create(CultureInfo.InvariantCulture, $":{user}:");
        foreach (var line in (ReadText("/etc/passwd") ?? "").Split('\n'))
        {
            var parts = line.Split(':');
            if (parts.Length > 3 && $":{parts[2]}:" == prefix)
            {
                return parts[0];
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"user {user}");
    }

    public string? TryListen(KvmiEndpoint endpoint, bool allowRemote)
    {
        try
        {
            var server = new KvmiServer(
                new KvmiServerOptions { Endpoints = [endpoint], AllowRemote = allowRemote }, PassiveVms.Instance, NullLoggerFactory.Instance, _time);
            try
            {
                server.Start();
                return null;
            }
            finally
            {
                server.StopAsync().GetAwaiter().GetResult();
            }
        }
        catch (KvmiEndpointException exception)
        {
            return exception.Message;
        }
    }

    public string? TryConnect(KvmiEndpoint endpoint)
    {
        EndPoint target = endpoint.Kind == KvmiEndpointKind.Unix
            ? new UnixDomainSocketEndPoint(endpoint.Path!)
            : new IPEndPoint(endpoint.Address!, (int)endpoint.Port);
        using var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            using var limit = new CancellationTokenSource(ConnectPatience, _time);
            socket.ConnectAsync(target, limit.Token).AsTask().GetAwaiter().GetResult();
            return null;
        }
        catch (SocketException exception)
        {
            return exception.Message;
        }
        catch (OperationCanceledException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"no answer within {ConnectPatience.TotalSeconds} s");
        }
    }

    private static KvmFacts LookAtKvm()
    {
        try
        {
            using var system = KvmSystem.Open();
            var facts = new KvmFacts { ApiVersion = system.ApiVersion, Modules = Modules() };
            return WithCpuid(WithIntrospection(facts, system), system);
        }
        catch (KvmException exception)
        {
            return new KvmFacts { OpenProblem = $"{exception.Request}: {exception.ErrnoName}", OpenAdvice = exception.Advice };
        }
    }

    private static KvmFacts WithIntrospection(KvmFacts facts, KvmSystem system)
    {
        try
        {
            using var vm = system.CreateVm();
            return facts with { Introspection = vm.ProbeIntrospection() };
        }
        catch (KvmException exception)
        {
            return facts with { VmProblem = exception.Message };
        }
    }

    private static KvmFacts WithCpuid(KvmFacts facts, KvmSystem system)
    {
        try
        {
            return facts with { EmulatedCpuid = system.GetEmulatedCpuid() };
        }
        catch (KvmException exception)
        {
            return facts with { EmulatedCpuidProblem = exception.Message };
        }
    }

    private static string[] Modules() => Directory.Exists("/sys/module")
        ? [.. Directory.GetDirectories("/sys/module", "kvm_*").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)]
        : [];

    private ulong EffectiveCapabilities()
    {
        const string Label = "CapEff:";
        var line = (ReadText("/proc/self/status") ?? "").Split('\n').FirstOrDefault(line => line.StartsWith(Label, StringComparison.Ordinal));
        return ulong.TryParse(line.AsSpan(line is null ? 0 : Label.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask) ? mask : 0;
    }
}
