using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Kvmi.Fuzz;

/// <summary>What a run saw; shows that it reached what it was meant to reach.</summary>
internal sealed class FuzzStatistics
{
    private readonly Dictionary<string, (long Accepted, long Refused)> _decoders = [];

    /// <summary>Decoders by name: how often they accepted and refused.</summary>
    public IReadOnlyDictionary<string, (long Accepted, long Refused)> Decoders => _decoders;

    /// <summary>Messages that the layouts understood without a problem.</summary>
    public long Understood { get; private set; }

    /// <summary>Messages that they did not.</summary>
    public long NotUnderstood { get; private set; }

    /// <summary>Captures read as text.</summary>
    public long Texts { get; set; }

    /// <summary>The most that decoding one message into named fields allocated, in bytes.</summary>
    public long MostNamed { get; private set; }

    /// <summary>The most that reading one handshake record and probe reply allocated, in bytes.</summary>
    public long MostHandshake { get; set; }

    /// <summary>The most that reading one capture allocated, in bytes.</summary>
    public long MostCapture { get; set; }

    public void Count(string decoder, bool accepted)
    {
        ref var counts = ref CollectionsMarshal.GetValueRefOrAddDefault(_decoders, decoder, out _);
        if (accepted)
        {
            counts.Accepted++;
        }
        else
        {
            counts.Refused++;
        }
    }

    public void CountNamed(bool understood, long allocated)
    {
        Understood += understood ? 1 : 0;
        NotUnderstood += understood ? 0 : 1;
        MostNamed = Math.Max(MostNamed, allocated);
    }

    /// <summary>Forgets the counts, not the names.</summary>
    public void Clear()
    {
        foreach (var name in _decoders.Keys)
        {
            _decoders[name] = default;
        }
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (name, (accepted, refused)) in _decoders.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{name,-44} {accepted,12} accepted {refused,12} refused\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"named fields: {Understood} understood, {NotUnderstood} not; captures as text: {Texts}\n")
            .Append(CultureInfo.InvariantCulture, $"most allocated at once: named fields {MostNamed}, handshake {MostHandshake}, ")
            .Append(CultureInfo.InvariantCulture, $"capture {MostCapture} bytes; typed decoders {AllocationBounds.Typed}")
            .ToString();
    }
}
