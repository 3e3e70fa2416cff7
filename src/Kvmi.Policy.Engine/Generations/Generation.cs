using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>
/// A complete, immutable set of policies with its loaded code. VMs hold it while they use it; when the last one lets go of
/// a superseded generation, its code is disposed and can be unloaded.
/// </summary>
public sealed class Generation
{
    private readonly IDisposable _code;
    private int _users = 1;

    /// <summary>Makes a generation that its creator holds.</summary>
    /// <param name="number">Running number, from 1.</param>
    /// <param name="policies">The policies, ordered by priority, then id.</param>
    /// <param name="code">What keeps the code loaded; disposed after the last release.</param>
    public Generation(int number, IReadOnlyList<GenerationPolicy> policies, IDisposable code)
    {
        Number = number;
        Policies = policies;
        CreationOrder =
        [
            .. policies.Where(policy => policy.Definition.Code.Plugin is not null),
            .. policies.Where(policy => policy.Definition.Code.Plugin is null),
        ];
        _code = code;
    }

    /// <summary>Running number, from 1.</summary>
    public int Number { get; }

    /// <summary>The policies, ordered by priority, then id.</summary>
    public IReadOnlyList<GenerationPolicy> Policies { get; }

    /// <summary>
    /// The order in which the policies' instances are created on a VM: those of plugins first, so that the services they
    /// publish are there when the top-level statements of scripts ask for them.
    /// </summary>
    public IReadOnlyList<GenerationPolicy> CreationOrder { get; }

    /// <summary>What counts which parts of its policies run; null outside of tests.</summary>
    public ScriptCoverage? Coverage { get; init; }

    /// <summary>Holds the generation; false when it was let go by everybody already.</summary>
    public bool TryAcquire()
    {
        while (true)
        {
            var users = Volatile.Read(ref _users);
            if (users == 0)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _users, users + 1, users) == users)
            {
                return true;
            }
        }
    }

    /// <summary>
    /// The same code under other settings: for tests, which run one policy with many modes and parameters and need its code loaded once.
    /// </summary>
    /// <param name="definition">The policy with its other mode and parameters; the others stay as they are.</param>
    /// <returns>
    /// A generation that its caller holds, with counters of its own; null when the code could carry something from one to the other (static
    /// variables, plugins, workers), when the policy is not in it, or when the definition asks for other handlers: then build it anew.
    /// </returns>
    public Generation? TryDerive(PolicyDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        var isSame = Policies.Any(policy => policy.Definition.Id == definition.Id && policy.Definition.Trust == definition.Trust
            && policy.Definition.Subscriptions.Select(Decides).SequenceEqual(definition.Subscriptions.Select(Decides)));
        if (!isSame || !Policies.All(policy => policy.Factory is ThenPolicyFactory or ScriptPolicyFactory { HasStatics: false }) || !TryAcquire())
        {
            return null;
        }

        var policies = Policies.Select(policy => new GenerationPolicy(
            policy.Definition.Id == definition.Id ? definition : policy.Definition, policy.Factory, new PolicyStatistics(policy.Definition.Id)));
        return new(Number, [.. policies.OrderBy(policy => policy.Definition.Priority).ThenBy(policy => policy.Definition.Id, StringComparer.Ordinal)], new Hold(this))
        {
            Coverage = Coverage,
        };

        static (EventKind, string?) Decides(PolicySubscription subscription) => (subscription.Event, subscription.Handler);
    }

    /// <summary>Lets go. The last release disposes the code.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _code.Dispose();
        }
    }

    private sealed class Hold(Generation generation) : IDisposable
    {
        public void Dispose() => generation.Release();
    }
}
