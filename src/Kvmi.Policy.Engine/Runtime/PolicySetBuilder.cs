using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime.State;
using Kvmi.Protocol;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>
/// Builds the policies of a generation on one VM: checks, traps, instances, watches. A policy that cannot be built is
/// refused with its reason, and what it had taken is given back; the others go on. One whose code keeps the thread is refused by the
/// thread that goes on, which calls <see cref="Build"/> again.
/// </summary>
internal sealed class PolicySetBuilder
{
    private readonly VmContext _context;
    private readonly PolicySet _before;
    private readonly ServiceRegistry _registry = new();
    private readonly Generation _generation;
    private readonly (GenerationPolicy Policy, int Order)[] _sources;
    private readonly List<PolicyInstance> _built = [];
    private int _next;
    private readonly SortedDictionary<string, string> _kept = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _refusals = new(StringComparer.Ordinal);
    private int _refused;
    private int _stateKept;

    public PolicySetBuilder(VmContext context, PolicySet before, Generation generation)
    {
        _context = context;
        _before = before;
        _generation = generation;

        // Plugins first: what they publish is there when a script's top-level statements ask for it.
        _sources = [.. generation.Policies.Select((policy, order) => (policy, order)).OrderBy(source => source.policy.Definition.Code.Plugin is null)];
    }

    /// <summary>Builds the policies, or those that were not tried before a thread was lost.</summary>
    public PolicySet Build()
    {
        if (_context.Master == MasterMode.Off)
        {
            _context.Status(
                "in-service", null, $"Generation {_generation.Number} is not in service on {_context.Name}: the switch over all policies is off.");
            return new PolicySet(_generation, []);
        }

        while (_next < _sources.Length)
        {
            var (policy, order) = _sources[_next++];
            if (!RequirementsCheck.IsTarget(policy.Definition, _context.Vm.Identity))
            {
                continue;
            }

            if (TryBuild(policy, order) is { } instance)
            {
                _built.Add(instance);
            }
            else
            {
                _refused++;
            }
        }

        _context.Status(
            "in-service",
            null,
            $"Generation {_generation.Number} is in service on {_context.Name}: {_built.Count} policies, {_refused} refused"
            + (_kept.Count > 0 ? $", {_kept.Count} of an earlier generation." : "."),
            [new OutputField("generation", (long)_generation.Number), new OutputField("stateKept", (long)_stateKept), new OutputField("stateNew", (long)(_built.Count - _kept.Count - _stateKept))]);
        return new PolicySet(_generation, [.. _built.OrderBy(instance => instance.Order)])
        {
            Refusals = _refusals,
            Kept = _kept,
            EarlierGenerations = HoldEarlier(),
        };
    }

    /// <summary>Refuses an instance whose code has kept the thread that built it.</summary>
    public void RefuseHung(PolicyInstance instance)
    {
        _refused++;
        Refuse(instance.Definition, $"it could not be started: its first code did not return within {PolicyBudget.StartTimeout.TotalSeconds:0} s.");
        LeaseReturn.GiveBack(_context, instance);
    }

    private PolicyInstance? TryBuild(GenerationPolicy source, int order)
    {
        var definition = source.Definition;
        if (RequirementsCheck.FindMiss(definition, _context.Vm.Identity.Name, _context.Vm.Capabilities) is { } miss)
        {
            Refuse(definition, miss);
            return null;
        }

        var predecessor = _before.Find(definition.Id);
        var memory = TakeMemory(definition, predecessor);
        var instance = new PolicyInstance(_context, source, order, memory, _registry) { Home = _generation };
        if (_context.Traps.Acquire(instance.Demand) is { } fault)
        {
            return Fail(instance, predecessor, $"{fault}.");
        }

        try
        {
            instance.Bind(InstanceCode.Start(_context, instance, source.Factory));
        }
        catch (Exception exception) when (exception is not (VmConnectionLostException or HandlerAbandonedException))
        {
            // The factory's own exception says type, text and place of what the policy threw.
            return Fail(instance, predecessor, $"it could not be started: {exception.Message}");
        }

        if (ArmWatches(instance, predecessor?.Definition) is { } pageFault)
        {
            InstanceCode.Detach(_context, instance);
            return Fail(instance, predecessor, $"{pageFault}.");
        }

        ReportState(instance, predecessor);
        if (RequirementsCheck.FindDoubt(definition, _context.Vm.Capabilities) is { } doubt)
        {
            _context.Status("may-miss-events", definition.Id, $"Policy {definition.Id} {definition.Version} may see less than it asks for on this VM: {doubt}");
        }

        return instance;
    }

    /// <summary>A new version cannot serve here: the one before it stays, if it serves.</summary>
    /// <returns>What serves; null when nothing does.</returns>
    private PolicyInstance? Fail(PolicyInstance instance, PolicyInstance? predecessor, string reason)
    {
        if (predecessor is not { InService: true, IsHung: false })
        {
            Refuse(instance.Definition, reason);
            LeaseReturn.GiveBack(_context, instance);
            return null;
        }

        if (ReferenceEquals(instance.Memory, predecessor.Memory))
        {
            // The leases stay with the memory: nothing that is protected is open for a moment. What the new version added goes when the owner goes.
            instance.Owner = null;
            predecessor.Owner = predecessor.Memory.Owner;
            predecessor.Memory.Owner.Instance = predecessor;
        }

        LeaseReturn.GiveBack(_context, instance);
        predecessor.Order = instance.Order;
        var stays = $"{reason} Version {predecessor.Definition.Version} of generation {predecessor.Home.Number} stays in service.";
        _kept[predecessor.Id] = stays;
        Tell(instance.Definition, stays);
        return predecessor;
    }

    private List<Generation> HoldEarlier()
    {
        var earlier = _built.Select(instance => instance.Home).Where(home => !ReferenceEquals(home, _generation)).Distinct().ToList();

        // The set before holds them until this one serves.
        earlier.RemoveAll(generation => !generation.TryAcquire());
        return earlier;
    }

    private void ReportState(PolicyInstance instance, PolicyInstance? predecessor)
    {
        if (predecessor is null)
        {
            return;
        }

        if (!ReferenceEquals(instance.Memory, predecessor.Memory))
        {
            return;
        }

        _stateKept++;
        if (instance.Memory.State.TakeLosses() is { Count: > 0 } losses)
        {
            _context.Status(
                "state-dropped",
                instance.Id,
                $"State of policy {instance.Id} {predecessor.Definition.Version} on {_context.Name} that {instance.Definition.Version} did not take over: {string.Join("; ", losses)}.");
        }
    }

    private PolicyMemory TakeMemory(PolicyDefinition definition, PolicyInstance? predecessor)
    {
        if (predecessor is { InService: true, Owner: not null }
            && predecessor.Definition.State.KeepOnReload
            && definition.State.KeepOnReload
            && predecessor.Definition.State.Scope == definition.State.Scope)
        {
            // From here on the predecessor owns nothing: what it does in OnDetach must not touch its successor's leases.
            predecessor.Owner = null;
            predecessor.Memory.State.TakeLosses();
            predecessor.Memory.State.DropCollectible();
            if (_context.Modes.Of(definition) == PolicyMode.Audit)
            {
                LeaseReturn.GiveBackOfEnforcing(_context, predecessor.Memory.Owner);
            }
            else if (!HearsTheSameSteps(predecessor.Definition, definition))
            {
                _context.Singlesteps.Release(predecessor.Memory.Owner);
            }

            _context.Views.ReleaseIdle(predecessor.Memory.Owner);
            return predecessor.Memory;
        }

        // State of scope "policy" that is not kept is shared by the VMs of one generation only.
        var state = definition.State switch
        {
            { Scope: PolicyStateScope.Vm } => new NamedState(shared: false),
            { Scope: PolicyStateScope.Vcpu } => new NamedState(shared: false, perVcpu: true),
            { KeepOnReload: true } => _context.Engine.SharedState(definition.Id, 0),
            _ => _context.Engine.SharedState(definition.Id, _generation.Number),
        };
        return new PolicyMemory(definition.Id, state, _context.Engine.HashSeed);
    }

    private LeaseFault? ArmWatches(PolicyInstance instance, PolicyDefinition? before)
    {
        var watches = instance.Definition.Watch;
        var owner = instance.Memory.Owner;
        var inherited = owner.PageCount > 0 && before is not null;
        var changed = inherited && !SameWatches(before!.Watch, watches);
        foreach (var watch in watches)
        {
            foreach (var range in watch.Ranges)
            {
                if (_context.Pages.Watch(owner, range.First >> 12, range.Last >> 12, watch.Access, replace: changed) is { } fault)
                {
                    return fault;
                }
            }
        }

        if (changed)
        {
            _context.Pages.Release(owner, keep: gfn => !IsWatched(before!.Watch, gfn) || IsWatched(watches, gfn));
        }

        return null;
    }

    // Steps whose events the successor does not hear of would never end.
    private static bool HearsTheSameSteps(PolicyDefinition before, PolicyDefinition after) =>
        after.Subscriptions.Any(subscription => subscription.Event == EventKind.Singlestep)
        && before.Target.Vcpus.SequenceEqual(after.Target.Vcpus);

    private static bool SameWatches(IReadOnlyList<PolicyWatch> left, IReadOnlyList<PolicyWatch> right) =>
        left.Count == right.Count
        && left.Zip(right).All(pair => pair.First.Access == pair.Second.Access && pair.First.Ranges.SequenceEqual(pair.Second.Ranges));

    private static bool IsWatched(IReadOnlyList<PolicyWatch> watches, ulong gfn) =>
        watches.Any(watch => watch.Ranges.Any(range => gfn >= range.First >> 12 && gfn <= range.Last >> 12));

    private void Refuse(PolicyDefinition definition, string reason)
    {
        _refusals[definition.Id] = reason;
        Tell(definition, reason);
    }

    private void Tell(PolicyDefinition definition, string reason)
    {
        _context.Status("refused", definition.Id, $"Policy {definition.Id} {definition.Version} is not in service on this VM: {reason}");
    }
}
