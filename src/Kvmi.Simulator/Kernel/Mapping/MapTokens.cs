using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel.Mapping;

/// <summary>
/// The map tokens of a host that nobody has used yet: 32 random bytes that stand for a VM, once and not for long (rfc-v5 3.16 and 6.2).
/// Any thread.
/// </summary>
internal sealed class MapTokens
{
    /// <summary>With more than this number outstanding a VM gets no further one, so that the ninth is the last (rfc-v5 3.16, A40).</summary>
    public const int Limit = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<MapToken, Grant> _grants = [];
    private readonly TimeProvider _timeProvider;
    private readonly Action<Span<byte>> _fill;

    /// <summary>Makes an empty store.</summary>
    /// <param name="timeProvider">Clock of the tokens' life.</param>
    /// <param name="fill">Gives random bytes; null takes the system's.</param>
    public MapTokens(TimeProvider timeProvider, Action<Span<byte>>? fill = null)
    {
        _timeProvider = timeProvider;
        _fill = fill ?? RandomNumberGenerator.Fill;
    }

    /// <summary>Gives a token for a VM.</summary>
    /// <param name="source">The VM.</param>
    /// <param name="lifetime">How long it may be used.</param>
    /// <param name="token">The token.</param>
    /// <returns>False when too many of this VM are outstanding.</returns>
    public bool TryGrant(IMachine source, TimeSpan lifetime, out MapToken token)
    {
        lock (_gate)
        {
            DropOverdue();
            token = default;
            if (_grants.Values.Count(grant => ReferenceEquals(grant.Source, source)) > Limit)
            {
                return false;
            }

            do
            {
                _fill(MemoryMarshal.AsBytes(new Span<MapToken>(ref token)));
            }
            while (!_grants.TryAdd(token, new Grant(source, _timeProvider.GetTimestamp(), lifetime)));

            return true;
        }
    }

    /// <summary>Uses a token up, whatever becomes of the mapping.</summary>
    /// <returns>False when it is unknown, used or too old.</returns>
    public bool TryTake(MapToken token, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IMachine? source)
    {
        lock (_gate)
        {
            DropOverdue();
            source = _grants.Remove(token, out var grant) ? grant.Source : null;
            return source is not null;
        }
    }

    /// <summary>Forgets the tokens of a VM: its session has ended.</summary>
    public void Drop(IMachine source)
    {
        lock (_gate)
        {
            Remove(grant => ReferenceEquals(grant.Source, source));
        }
    }

    private void DropOverdue() => Remove(grant => _timeProvider.GetElapsedTime(grant.Since) > grant.Lifetime);

    private void Remove(Predicate<Grant> condition)
    {
        foreach (var (token, grant) in _grants)
        {
            if (condition(grant))
            {
                _grants.Remove(token);
            }
        }
    }

    private readonly record struct Grant(IMachine Source, long Since, TimeSpan Lifetime);
}
