using Kvmi.Kvm.Introspection;
using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Tests.Doctor;

/// <summary>A machine on which everything is fine, until a test changes something.</summary>
internal sealed class FakeHost : IHostSystem
{
    public PlatformFacts Platform { get; set; } = new(true, "6.18.0", "Linux");

    public UserFacts User { get; set; } = new(1000, "kvmi", 0);

    public RuntimeFacts Runtime { get; set; } = new(new Version(10, 0, 1), false, true, 4);

    public KvmFacts Kvm { get; set; } = new()
    {
        ApiVersion = 12,
        Modules = ["kvm_intel"],
        Introspection = new IntrospectionSupport([], false, []),
        EmulatedCpuid = [],
    };

    public Dictionary<string, FileFacts> Files { get; } = new()
    {
        ["/run/kvmi"] = new FileFacts(FileKind.Directory, 0x1E8, 1000),
        ["/dev/vsock"] = new FileFacts(FileKind.Other),
    };

    public Dictionary<string, byte[]> Contents { get; } = new()
    {
        ["/sys/devices/system/clocksource/clocksource0/current_clocksource"] = [.. "tsc\n"u8],
    };

    public Dictionary<LimitKind, LimitFacts> Limits { get; } = new()
    {
        [LimitKind.OpenFiles] = new LimitFacts(4096, 524288),
        [LimitKind.LockedMemory] = new LimitFacts(LimitFacts.Unlimited, LimitFacts.Unlimited),
        [LimitKind.RealTimePriority] = new LimitFacts(50, 50),
    };

    public string? ListenProblem { get; set; }

    public string? ConnectProblem { get; set; }

    public FileFacts FileAt(string path) => Files.GetValueOrDefault(path) ?? new FileFacts(FileKind.Absent);

    /// <summary>What is wrong with who owns a path.</summary>
    public Dictionary<string, string> Flaws { get; } = [];

    public string? OwnershipFlaw(string path) => Flaws.GetValueOrDefault(path);

    public string? ReadText(string path) => ReadBytes(path, 4096) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes) : null;

    public byte[]? ReadBytes(string path, int limit) => Contents.GetValueOrDefault(path)?.Take(limit).ToArray();

    public LimitFacts Limit(LimitKind kind) => Limits[kind];

    public string NameOf(uint user) => $"user {user}";

    public string? TryListen(KvmiEndpoint endpoint, bool allowRemote) => ListenProblem;

    public string? TryConnect(KvmiEndpoint endpoint) => ConnectProblem;

    /// <summary>Runs one kind of check and gives what it finds.</summary>
    public DoctorFinding[] Find<T>(DoctorOptions? options = null, TimeProvider? time = null)
        where T : IDoctorCheck, new() =>
        [.. new T().Run(new DoctorContext(this, options ?? new DoctorOptions(), time ?? TimeProvider.System))];

    /// <summary>As <see cref="Find"/>, where exactly one finding is expected.</summary>
    public DoctorFinding FindOne<T>(DoctorOptions? options = null, TimeProvider? time = null)
        where T : IDoctorCheck, new() => Assert.Single(Find<T>(options, time));
}
