namespace Kvmi.Session.Detection;

/// <summary>
/// Which VMs are asked with message id 1 on their next connection, because id 2 met silence (kvmi-later-dialects.md 1.7 step 5).
/// Any thread.
/// </summary>
internal sealed class FirstIdMemory
{
    private const int MaxVms = 1024;
    private readonly HashSet<Guid> _vms = [];
    private readonly Lock _lock = new();

    /// <summary>Remembers a VM; when too many are remembered, the new one is asked with id 2 again.</summary>
    public void Remember(Guid vm)
    {
        lock (_lock)
        {
            if (_vms.Count < MaxVms)
            {
                _vms.Add(vm);
            }
        }
    }

    /// <summary>True once for each <see cref="Remember"/>: a peer that does not know id 1 either is asked with id 2 the time after.</summary>
    public bool Forget(Guid vm)
    {
        lock (_lock)
        {
            return _vms.Remove(vm);
        }
    }
}
