namespace Kvmi.Fuzz.Mutation;

/// <summary>
/// Numbers from a seed (SplitMix64). One for each message, made of the run's seed and the message's number: any message can be made again
/// without those before it.
/// </summary>
internal struct Randomness
{
    private ulong _state;

    public Randomness(ulong seed, long number) => _state = Mix(seed) ^ Mix((ulong)number + 0x9e3779b97f4a7c15);

    /// <summary>Any 64 bits.</summary>
    public ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        return Mix(_state);
    }

    /// <summary>0 to <paramref name="limit"/> − 1; 0 for a limit of 0.</summary>
    public int Next(int limit) => limit <= 0 ? 0 : (int)(((Next() >> 32) * (uint)limit) >> 32);

    /// <summary><paramref name="from"/> to <paramref name="to"/>, both included.</summary>
    public int Next(int from, int to) => from + Next(to - from + 1);

    /// <summary>True once in <paramref name="times"/>.</summary>
    public bool OnceIn(int times) => Next(times) == 0;

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
