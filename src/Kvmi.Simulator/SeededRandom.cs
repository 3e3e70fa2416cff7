namespace Kvmi.Simulator;

/// <summary>SplitMix64: small, and the same on every runtime. Not for secrets. One thread at a time.</summary>
internal sealed class SeededRandom
{
    private ulong _state;

    /// <summary>Starts a stream.</summary>
    /// <param name="seed">The same seed gives the same numbers.</param>
    public SeededRandom(ulong seed) => _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        var z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 up to, but not including, <paramref name="below"/>, which is at least 1.</summary>
    public long Next(long below) => (long)(Next() % (ulong)below);

    /// <summary>True with the given probability.</summary>
    /// <param name="probability">0 to 1.</param>
    public bool Chance(double probability) => (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    /// <summary>Fills a span with random bytes.</summary>
    public void Fill(Span<byte> destination)
    {
        foreach (ref var value in destination)
        {
            value = (byte)Next();
        }
    }
}
