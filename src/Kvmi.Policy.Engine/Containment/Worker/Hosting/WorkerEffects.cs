using System.Numerics;
using Kvmi.Policy.Engine.Containment.Worker.Lane;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>What a run has left behind besides its decision: register edits and facts. It stands before the decision.</summary>
internal static class WorkerEffects
{
    private const int RegisterCount = (int)GuestRegister.Rflags + 1;
    private const int MaxFacts = 64;

    /// <summary>Passes over the effects, and carries them out when asked to.</summary>
    /// <param name="reader">The message, at the effects; is left behind them.</param>
    /// <param name="policy">Whose they are.</param>
    /// <param name="hasEvent">Registers can be edited.</param>
    /// <param name="apply">False only checks.</param>
    /// <returns>False when they are impossible; then nothing was done, unless a check was left out.</returns>
    public static bool Read(ref LaneReader reader, RemotePolicy policy, bool hasEvent, bool apply)
    {
        var edited = reader.U32();
        if (edited >> RegisterCount != 0 || (edited != 0 && !hasEvent))
        {
            return false;
        }

        for (; edited != 0; edited &= edited - 1)
        {
            var value = reader.U64();
            if (apply)
            {
                policy.Services.Registers.Set((GuestRegister)BitOperations.TrailingZeroCount(edited), value);
            }
        }

        var facts = reader.U8();
        if (facts > MaxFacts)
        {
            return false;
        }

        for (; facts > 0; facts--)
        {
            var index = reader.U16();
            var value = (long)reader.U64();
            if (index >= policy.FactsInUse.Count)
            {
                return false;
            }

            if (apply)
            {
                policy.FactsInUse[index].Value = value;
            }
        }

        return !reader.IsBroken;
    }
}
