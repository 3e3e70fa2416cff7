using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Tests.Traces;

/// <summary>A small trace with every kind of record.</summary>
internal static class SampleTrace
{
    public static readonly DateTimeOffset Start = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

    public static readonly byte[] Page = [.. Enumerable.Range(0, 4096).Select(i => (byte)(i * 7))];

    public static TraceVm Vm { get; } = new() { Name = "web01", Uuid = new Guid("00112233-4455-6677-8899-aabbccddeeff"), Dialect = "v7", Vcpus = 2, Commands = ["ReadPhysical"], Events = ["Cr"] };

    public static TraceDecision Decision { get; } = new()
    {
        Sequence = 9,
        Vcpu = 1,
        Decision = DecisionKind.Inject,
        Value = 0x1122,
        Exception = new GuestException(14, 2, 0xdead),
        WouldHave = DecisionKind.Crash,
        Winner = "wx-guard",
        Note = "late",
        Started = 1234,
        VoteCount = 3,
        Votes = [new("wx-guard", DecisionKind.Inject, 7, false, true), new("Wächter", DecisionKind.Crash, 0, true, false)],
    };

    /// <summary>A command's reply of 16 header bytes and a page.</summary>
    public static byte[] PageReply(uint sequence)
    {
        var message = new byte[MessageHeader.Length + 8 + Page.Length];
        new MessageHeader(13, (ushort)(8 + Page.Length), sequence).Write(message);
        Page.CopyTo(message, 16);
        return message;
    }

    public static byte[] Write(int messages = 3, KeptContents keep = KeptContents.All, bool end = true)
    {
        using var stream = new MemoryStream();
        var writer = new TraceWriter(stream, Start);
        writer.Write(new TracePolicy { Generation = 1, Id = "wx-guard", Version = "0.3.0", Mode = "enforce", Digest = "ab" }, 5);
        writer.Write(Vm, 1, 10);
        for (uint i = 0; i < messages; i++)
        {
            writer.WriteMessage(1, 20 + i, MessageDirection.KernelToTool, PageReply(i), false, (16, 4096), keep);
            writer.WriteMessage(1, 20 + i, MessageDirection.KernelToTool, new byte[48], true, null, keep);
        }

        writer.Write(Decision, 1, 100);
        writer.WriteGap(1, 110, 4);
        writer.Write(new TraceDetached { Reason = "PeerLost", Detail = "it closed" }, 1, 120);
        if (end)
        {
            writer.End(130);
        }
        else
        {
            writer.FlushChunk();
        }

        return stream.ToArray();
    }

    public static TraceFile Open(byte[] bytes) => TraceFile.Open("sample", new MemoryStream(bytes));
}
