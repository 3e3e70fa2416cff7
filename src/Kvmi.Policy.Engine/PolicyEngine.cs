using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine;

/// <summary>
/// The policy engine: holds the live generation, makes the handler of each VM, and collects output and statistics. Safe
/// from any thread; each handler belongs to its VM's owner thread.
/// </summary>
public sealed class PolicyEngine : IVmHandlerFactory, IGenerationTarget, IDisposable
{
    private readonly OutputPump _output;
    private readonly EngineServices _services;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, GenerationPolicy> _everLive = new(StringComparer.Ordinal);
    private Generation? _current;

    /// <summary>Starts the engine and its output thread.</summary>
    public PolicyEngine(PolicyEngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _output = new OutputPump(options.Output, options.TimeProvider, options.OutputCapacity, options.Logger, options.Faults?.FullQueue);
        _services = new EngineServices(options, _output);
    }

    /// <inheritdoc/>
    public Generation? Current => Volatile.Read(ref _current);

    /// <inheritdoc/>
    public void Swap(Generation next)
    {
        ArgumentNullException.ThrowIfNull(next);
        Generation? before;
        lock (_gate)
        {
            foreach (var policy in next.Policies)
            {
                // Only what the summary needs: the factory would keep the generation's code alive.
                _everLive[policy.Definition.Id] = policy with { Factory = NoCode.Instance };
            }

            before = _current;
            Volatile.Write(ref _current, next);
        }

        _services.DropSharedStateBefore(before?.Number ?? 0);
        before?.Release();
    }

    /// <inheritdoc/>
    public IVmHandler Create(IIntrospectedVm vm)
    {
        ArgumentNullException.ThrowIfNull(vm);
        return new VmPolicyHandler(vm, this, _services);
    }

    /// <summary>The switch over all policies, as it was set last.</summary>
    public MasterMode MasterMode => _services.Master;

    /// <summary>
    /// Sets the switch over all policies on all VMs, those that come later included. Each VM takes it over before its next event, at the latest
    /// within a tick of its connection, and writes a status line then; an event that is being decided is decided in the old mode. The
    /// policies keep their state in <see cref="MasterMode.Audit"/>, and start anew after <see cref="MasterMode.Off"/>. Any thread.
    /// </summary>
    public void SetMasterMode(MasterMode mode) => _services.Master = mode;

    /// <summary>What every policy did so far.</summary>
    public EngineSummary GetSummary()
    {
        lock (_gate)
        {
            var live = Current;
            return new EngineSummary(
                live?.Number ?? 0,
                [
                    .. _everLive.Values.Select(policy => PolicySummary.Of(policy.Definition, policy.Statistics, IsLive(live, policy))),
                ],
                _output.Lost);
        }
    }

    /// <summary>Writes a line of the host's own into the same output, in order with the policies' lines. Never waits.</summary>
    /// <returns>False when the line was lost because the output is full.</returns>
    public bool Write(OutputRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return _output.Write(record);
    }

    /// <summary>Returns when all output written so far has reached the sink.</summary>
    public void Flush() => _output.Flush();

    /// <summary>Writes the remaining output, ends the output thread and lets go of the live generation. Handlers must be detached
    /// before.</summary>
    public void Dispose()
    {
        Generation? last;
        lock (_gate)
        {
            last = _current;
            Volatile.Write(ref _current, null);
        }

        last?.Release();
        _output.Dispose();
    }

    private static bool IsLive(Generation? live, GenerationPolicy policy) =>
        live is not null && live.Policies.Any(candidate => candidate.Definition.Id == policy.Definition.Id);

    private sealed class NoCode : Code.IPolicyFactory
    {
        public static NoCode Instance { get; } = new();

        public Code.BoundPolicy Create(IPolicyServices services) =>
            throw new InvalidOperationException("This entry is for the summary only.");
    }
}
