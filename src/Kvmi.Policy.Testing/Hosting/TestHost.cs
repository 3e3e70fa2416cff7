using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Policies;
using Kvmi.Policy.Testing.Rig;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>
/// Policies and plugins around a VM made of memory, for tests in C#: the real engine, without a hypervisor, without a socket, with a clock that the
/// test moves. It asserts nothing, so it works with any test framework. One thread at a time.
/// </summary>
public sealed class TestHost : IDisposable
{
    private const int LargestMessage = 8 + ushort.MaxValue;
    private static readonly TimeSpan EventTime = TimeSpan.FromMilliseconds(1);

    // Starting the compiler takes most of a second: once for all tests of a process.
    private static readonly ScriptCompiler Compiler = new();
    private readonly PolicyRig _rig;
    private readonly byte[] _message = new byte[LargestMessage];
    private readonly byte[] _reply = new byte[LargestMessage];
    private uint _sequence;

    private TestHost(Generation generation, FakeVm vm, IReadOnlyList<Finding> warnings)
    {
        (Vm, Warnings) = (vm, warnings);
        _rig = new PolicyRig(generation, vm, Clock);
        Attached = TestOutput.Of(_rig.TakeOutput());
    }

    /// <summary>The VM that is attached, or that was last.</summary>
    public FakeVm Vm { get; private set; }

    /// <summary>The clock of the policies. Each event moves it by a millisecond.</summary>
    public ManualClock Clock { get; } = new();

    /// <summary>What loading had to say that kept nothing from running.</summary>
    public IReadOnlyList<Finding> Warnings { get; }

    /// <summary>What policies said when the VM was attached; a refused one is among its problems.</summary>
    public TestOutput Attached { get; private set; }

    /// <summary>What policies hold of the VM now; all zero when none is attached.</summary>
    public LeaseCounts Leases => _rig.Leases;

    /// <summary>Loads policies and attaches the VM.</summary>
    /// <exception cref="TestHostException">Something cannot be loaded; the message has every finding.</exception>
    public static TestHost Start(TestHostOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var files = new TextFileSource(options.PolicyTexts);
        var set = PolicySetLoader.Load([.. options.Policies, .. files.Paths], PolicyLoadOptions.Default with
        {
            Mode = options.Mode,
            TestParameters = options.Parameters,
            Files = files,
        });
        var plugins = PluginSetLoader.Discover(options.PluginDirectories, options.Plugins, PluginRules.None);
        if (set.HasErrors || set.Policies.Count == 0)
        {
            throw new TestHostException(set.Findings);
        }

        var build = new GenerationBuilder(Compiler, new ReferencedPluginLoader(options.Plugins), TimeProvider.System).Build(set.Policies, plugins, previous: null);
        return build.Generation is { } generation
            ? new TestHost(generation, options.Vm, [.. set.Findings, .. build.Findings])
            : throw new TestHostException(build.Findings);
    }

    /// <summary>Loads one policy from its text and attaches a VM.</summary>
    /// <param name="policy">What a policy.yaml holds.</param>
    /// <exception cref="TestHostException">It cannot be loaded.</exception>
    public static TestHost Start(string policy) => Start(new TestHostOptions { PolicyTexts = [policy] });

    /// <summary>Lets the policies decide about an event.</summary>
    /// <exception cref="ArgumentException">The event lacks a field, or its vCPU does not exist, or the VM's dialect does not have it.</exception>
    /// <exception cref="InvalidOperationException">No VM is attached.</exception>
    public TestAnswer Send(TestEvent what)
    {
        ArgumentNullException.ThrowIfNull(what);
        Clock.Advance(EventTime);
        var length = TestEvents.Write(what.ToStep(), Vm, ++_sequence, _message);
        var replied = _rig.Decide(_message.AsSpan(0, length), _reply);
        return TestAnswer.Of(_rig.Outcome, _rig.TakeOutput(), _reply[..replied]);
    }

    /// <summary>Detaches the VM: policies give back what they hold, and hear of it.</summary>
    /// <returns>What they said.</returns>
    /// <exception cref="InvalidOperationException">No VM is attached.</exception>
    public TestOutput Detach()
    {
        _rig.Detach();
        return TestOutput.Of(_rig.TakeOutput());
    }

    /// <summary>Attaches a VM. Policies get instances of their own for it; state of scope <c>policy</c> is still there.</summary>
    /// <param name="vm">The VM; null for the one of before, which has kept its memory.</param>
    /// <returns>What policies said.</returns>
    /// <exception cref="InvalidOperationException">A VM is attached.</exception>
    public TestOutput Attach(FakeVm? vm = null)
    {
        _rig.Attach(vm ?? Vm);
        Vm = vm ?? Vm;
        return Attached = TestOutput.Of(_rig.TakeOutput());
    }

    /// <summary>
    /// The object behind a policy on this VM, or a service that it is: an instance of the plugin's class. Null when no policy in service is one.
    /// </summary>
    /// <typeparam name="T">The class, or an interface that it has.</typeparam>
    public T? Find<T>()
        where T : class => _rig.Find<T>();

    /// <summary>A number that a policy publishes (<c>Facts</c>); null when there is none of this name.</summary>
    /// <param name="policy">Id of the policy.</param>
    /// <param name="name">Name of the number.</param>
    public long? Fact(string policy, string name) => Summary().Policies.FirstOrDefault(entry => entry.Id == policy)?.Facts
        .Where(fact => fact.Name == name).Select(fact => (long?)fact.Value).FirstOrDefault();

    /// <summary>What the policies did so far: counts of events, votes, alerts and errors.</summary>
    public EngineSummary Summary() => _rig.Summary();

    /// <inheritdoc/>
    public void Dispose() => _rig.Dispose();
}
