using Kvmi.Policy.Engine.Code;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>Which decisions may answer which event, as one bit mask per event kind.</summary>
internal static class LegalDecisions
{
    private static readonly byte[] Masks = Build();

    public static bool IsLegal(EventKind kind, DecisionKind decision) =>
        (uint)kind < (uint)Masks.Length && decision <= DecisionKind.Crash && (Masks[(int)kind] & (1 << (int)decision)) != 0;

    /// <summary>
    /// The strongest decision that leaves the guest as it would be without policies: a page fault exists only because of
    /// a watch, so trying again is as harmless as going on.
    /// </summary>
    public static DecisionKind HarmlessLimit(EventKind kind) => kind == EventKind.PageFault ? DecisionKind.Retry : DecisionKind.Allow;

    private static byte[] Build()
    {
        var masks = new byte[(int)EventKind.Cpuid + 1];
        foreach (var info in PolicyEvents.All)
        {
            foreach (var decision in info.Legal)
            {
                masks[(int)info.Kind] |= (byte)(1 << (int)decision);
            }
        }

        return masks;
    }
}
