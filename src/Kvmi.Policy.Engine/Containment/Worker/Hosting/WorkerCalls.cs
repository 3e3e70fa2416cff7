using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>
/// Answers what a policy in a worker asks of the host, with the host's own services: they check ownership, mode and bounds as for
/// any other policy. Every byte of a question is hostile.
/// </summary>
internal static class WorkerCalls
{
    private const int MaxName = 256;
    private const int MaxProblem = 512;

    /// <summary>Answers one question.</summary>
    /// <param name="code">What is asked.</param>
    /// <param name="reader">The question, after its envelope.</param>
    /// <param name="policy">Who asks.</param>
    /// <param name="frame">The event under way; empty when <paramref name="hasEvent"/> is false.</param>
    /// <param name="hasEvent">False in top-level statements, OnAttach and OnDetach.</param>
    /// <param name="sequence">Number of the request that this belongs to.</param>
    /// <param name="writer">Where the answer goes.</param>
    /// <returns>False when it is no question: the worker has broken the protocol.</returns>
    public static bool Answer(
        LaneCode code, ref LaneReader reader, RemotePolicy policy, in EventFrame frame, bool hasEvent, uint sequence, ref LaneWriter writer)
    {
        writer.Begin(LaneCode.Result, sequence);
        try
        {
            return code switch
            {
                LaneCode.ReadPhysical or LaneCode.ReadVirtual or LaneCode.ReadMany or LaneCode.Translate or LaneCode.TranslateMany
                    or LaneCode.HashPage or LaneCode.WritePhysical =>
                    WorkerMemoryCalls.Answer(code, ref reader, policy.Services.Memory, in frame, hasEvent, ref writer),
                LaneCode.SetPage or LaneCode.ReleasePage or LaneCode.GetPage => Page(code, ref reader, policy, ref writer),
                LaneCode.Notice => Notice(ref reader, policy),
                LaneCode.FindFact => FindFact(ref reader, policy, ref writer),
                _ => false,
            };
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            writer.Begin(LaneCode.Refused, sequence);
            writer.Text(exception.Message, MaxProblem);
            return true;
        }
    }

    private static bool Page(LaneCode code, ref LaneReader reader, RemotePolicy policy, ref LaneWriter writer)
    {
        var address = reader.U64();
        var access = reader.U8();
        if (!reader.IsWhole || access > (byte)PageAccess.All)
        {
            return false;
        }

        var pages = policy.Services.Pages;
        writer.U8(code switch
        {
            LaneCode.SetPage => pages.Set(address, (PageAccess)access) ? (byte)1 : (byte)0,
            LaneCode.ReleasePage => pages.Release(address) ? (byte)1 : (byte)0,
            _ => (byte)pages.Get(address),
        });
        return true;
    }

    private static bool Notice(ref LaneReader reader, RemotePolicy policy)
    {
        var isAlert = reader.U8() != 0;
        var name = reader.Text(MaxName);
        var fields = reader.Fields();
        if (!reader.IsWhole)
        {
            return false;
        }

        policy.Services.Notices.Write(name, fields, isAlert);
        return true;
    }

    private static bool FindFact(ref LaneReader reader, RemotePolicy policy, ref LaneWriter writer)
    {
        var name = reader.Text(MaxName);
        if (!reader.IsWhole)
        {
            return false;
        }

        // The services bound how many there can be; a worker that asks again for one gets its first number.
        var fact = policy.Services.Facts.Get(name);
        var index = policy.FactsInUse.IndexOf(fact);
        if (index < 0)
        {
            index = policy.FactsInUse.Count;
            policy.FactsInUse.Add(fact);
        }

        writer.U16((ushort)index);
        writer.U64((ulong)fact.Value);
        return true;
    }
}
