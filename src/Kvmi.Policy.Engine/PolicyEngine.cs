using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Shadow;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine;

/// <summary>
/// The policy engine: holds the live generation, makes the handler of each VM, and collects output and statistics. Safe
/// from any thread; each handler belongs to its VM's owner thread.
/// </summary>
public sealed partial class PolicyEngine : IVmHandlerFactory, IGenerationTarget, IShadowTarget, IDisposable
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

    /// <summary>
    /// True: decisions that let the event pass are written to the output too, marked <see cref="DecisionOutput.IsHarmless"/>. May be changed
    /// while events flow; any thread.
    /// </summary>
    public bool EmitAllDecisions
    {
        get => _services.EmitAllDecisions;
        set => _services.EmitAllDecisions = value;
    }

    /// <summary>Lines of output that wait for the sink now.</summary>
    public long WaitingOutput => _output.Waiting;

    /// <summary>The switch of one policy, as it was set last; null when none is set.</summary>
    public PolicyMode? PolicySwitch(string policyId)
    {
        ArgumentNullException.ThrowIfNull(policyId);
        return _services.Modes.Find(policyId);
    }

    /// <summary>
    /// Sets the switch of one policy on all VMs, those that come later included. It is stronger than the file and than an override of the
    /// loader, weaker than <see cref="MasterMode"/>, and stays over reloads until it is taken back. Each VM takes it over before its next
    /// event, at the latest within a tick of its connection, and writes a status line then. The policy keeps its state; what it wrote
    /// into guest memory is taken back when it goes from enforce to audit. Code in a worker process is not told. Any thread.
    /// </summary>
    /// <param name="policyId">A policy of the live generation.</param>
    /// <param name="mode">Its mode; null takes the switch back.</param>
    /// <param name="problem">Why it was refused, in one sentence.</param>
    /// <returns>False when there is no such policy, or an experimental one would enforce.</returns>
    public bool TrySetPolicyMode(string policyId, PolicyMode? mode, [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(policyId);
        lock (_gate)
        {
            var policy = Current?.Policies.FirstOrDefault(policy => policy.Definition.Id == policyId);
            problem = policy switch
            {
                null => $"The live generation has no policy {policyId}.",
                { Definition: { Status: "experimental", Mode: not PolicyMode.Enforce } } when mode == PolicyMode.Enforce =>
                    $"Policy {policyId} is experimental, and an experimental policy does not enforce. Raise its status when it has proved itself.",
                _ => null,
            };
            if (problem is null)
            {
                _services.Modes = _services.Modes.With(policyId, mode);
            }

            return problem is null;
        }
    }

    /// <summary>The policies of the live generation as they were loaded, ordered by priority, then id; empty before the first.</summary>
    public IReadOnlyList<PolicyDefinition> GetDefinitions() =>
        [.. (Current?.Policies ?? []).Select(policy => policy.Definition)];

    /// <summary>The counters of every policy that was ever live, ordered by id.</summary>
    public IReadOnlyList<PolicyStatistics> GetStatistics()
    {
        lock (_gate)
        {
            return [.. _everLive.Values.Select(policy => policy.Statistics)];
        }
    }

    /// <summary>
    /// The VMs that are attached now, with what their policies do and hold. A picture without a stop: numbers of one VM may be a few
    /// events apart. Any thread.
    /// </summary>
    public IReadOnlyList<VmPolicySummary> GetVms() =>
        [.. _services.Handlers.Select(handler => handler.Summarise()).OrderBy(vm => vm.Vm, StringComparer.Ordinal).ThenBy(vm => vm.Uuid)];

    /// <summary>The histograms of every policy that was ever live, ordered by policy, VM and name. Any thread.</summary>
    /// <param name="most">How many keys of each at most.</param>
    public IReadOnlyList<CountSummary> GetCounts(int most)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        return
        [
            .. GetStatistics()
                .SelectMany(policy => policy.Counts.Select(pair => pair.Value.Summarise(policy.PolicyId, pair.Key.Vm, most)))
                .OrderBy(counts => counts.Policy, StringComparer.Ordinal)
                .ThenBy(counts => counts.Vm, StringComparer.Ordinal)
                .ThenBy(counts => counts.Name, StringComparer.Ordinal),
        ];
    }

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

    /// <summary>
    /// Returns when all output written so far has reached the sink, and after it what <c>spec.alerts</c> of the policies kept back and has not
    /// reported yet. For the end of a run, before its summary.
    /// </summary>
    public void CloseAlertWindows() => _output.CloseWindows();

    /// <summary>Writes the remaining output, ends the output thread and lets go of the live generation. Handlers must be detached
    /// before.</summary>
    public void Dispose()
    {
        Discard();
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
