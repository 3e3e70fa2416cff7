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

    /// <summary>Lets go. The last release disposes the code.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _code.Dispose();
        }
    }
}
