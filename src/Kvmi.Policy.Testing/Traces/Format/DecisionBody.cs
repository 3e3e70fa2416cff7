using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>The body of a decision record. Written where a vCPU waits: into the caller's buffer, without allocating.</summary>
internal static class DecisionBody
{
    /// <summary>Enough for some forty votes; those that do not fit are counted only.</summary>
    public const int MaxLength = 4096;

    private const int FixedLength = 48;
    private const int MaxText = 255;
    private const byte HasValue = 1;
    private const byte HasWouldHave = 2;
    private const byte HasException = 4;
    private const byte VoteAudit = 1;
    private const byte VoteFailed = 2;
    private const int VoteFixedLength = 11;

    /// <summary>Writes how the last event was decided.</summary>
    /// <param name="body">At least <see cref="MaxLength"/> bytes.</param>
    /// <param name="sequence">Sequence number of the event.</param>
    /// <param name="vcpu">Its vCPU.</param>
    /// <param name="started">Nanoseconds of the trace's clock when the engine began.</param>
    /// <param name="outcome">The outcome.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> body, uint sequence, ushort vcpu, long started, EventOutcome outcome)
    {
        WriteHead(body, sequence, vcpu, started, outcome.Decision, outcome.Value, outcome.Exception, outcome.WouldHave, outcome.VoteCount);
        var at = FixedLength;
        at += WriteText(body[at..], outcome.Winner);
        at += WriteText(body[at..], outcome.Note);
        var listed = 0;
        while (listed < outcome.VoteCount && body.Length - at >= VoteFixedLength + MaxText)
        {
            var (policy, kind, audit) = outcome.Vote(listed);
            var (value, failed) = outcome.VoteDetail(listed);
            at += WriteVote(body[at..], new TraceVote(policy, kind, value, audit, failed));
            listed++;
        }

        BinaryPrimitives.WriteInt32LittleEndian(body[44..], listed);
        return at;
    }

    /// <summary>Writes a decision that was read from another trace.</summary>
    public static int Write(Span<byte> body, TraceDecision decision)
    {
        WriteHead(
            body, decision.Sequence, decision.Vcpu, decision.Started, decision.Decision, decision.Value, decision.Exception, decision.WouldHave, decision.VoteCount);
        BinaryPrimitives.WriteInt32LittleEndian(body[44..], decision.Votes.Count);
        var at = FixedLength;
        at += WriteText(body[at..], decision.Winner);
        at += WriteText(body[at..], decision.Note);
        foreach (var vote in decision.Votes)
        {
            at += WriteVote(body[at..], vote);
        }

        return at;
    }

    /// <returns>Null when the bytes contradict themselves.</returns>
    public static TraceDecision? Read(ReadOnlySpan<byte> body)
    {
        if (body.Length < FixedLength || !IsDecision(body[6]) || !IsDecision(body[37]))
        {
            return null;
        }

        var flags = body[7];
        var count = BinaryPrimitives.ReadInt32LittleEndian(body[40..]);
        var listed = BinaryPrimitives.ReadInt32LittleEndian(body[44..]);
        var rest = body[FixedLength..];
        if (listed < 0 || count < listed || listed > rest.Length / VoteFixedLength
            || !TryReadText(ref rest, out var winner) || !TryReadText(ref rest, out var note))
        {
            return null;
        }

        var votes = new TraceVote[listed];
        for (var i = 0; i < listed; i++)
        {
            if (!TryReadText(ref rest, out var policy) || rest.Length < VoteFixedLength - 1 || !IsDecision(rest[0]))
            {
                return null;
            }

            votes[i] = new TraceVote(
                policy ?? "", (DecisionKind)rest[0], BinaryPrimitives.ReadUInt64LittleEndian(rest[2..]), (rest[1] & VoteAudit) != 0, (rest[1] & VoteFailed) != 0);
            rest = rest[(VoteFixedLength - 1)..];
        }

        return new TraceDecision
        {
            Sequence = BinaryPrimitives.ReadUInt32LittleEndian(body),
            Vcpu = BinaryPrimitives.ReadUInt16LittleEndian(body[4..]),
            Decision = (DecisionKind)body[6],
            Value = (flags & HasValue) != 0 ? BinaryPrimitives.ReadUInt64LittleEndian(body[16..]) : null,
            WouldHave = (flags & HasWouldHave) != 0 ? (DecisionKind)body[37] : null,
            Exception = (flags & HasException) != 0
                ? new GuestException(body[36], BinaryPrimitives.ReadUInt32LittleEndian(body[32..]), BinaryPrimitives.ReadUInt64LittleEndian(body[24..]))
                : null,
            Winner = winner,
            Note = note,
            Started = BinaryPrimitives.ReadInt64LittleEndian(body[8..]),
            VoteCount = count,
            Votes = votes,
        };
    }

    private static void WriteHead(
        Span<byte> body, uint sequence, ushort vcpu, long started, DecisionKind decision, ulong? value, GuestException? exception, DecisionKind? wouldHave, int votes)
    {
        body[..FixedLength].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(body, sequence);
        BinaryPrimitives.WriteUInt16LittleEndian(body[4..], vcpu);
        body[6] = (byte)decision;
        body[7] = (byte)((value.HasValue ? HasValue : 0) | (wouldHave.HasValue ? HasWouldHave : 0) | (exception.HasValue ? HasException : 0));
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], started);
        BinaryPrimitives.WriteUInt64LittleEndian(body[16..], value.GetValueOrDefault());
        var injected = exception.GetValueOrDefault();
        BinaryPrimitives.WriteUInt64LittleEndian(body[24..], injected.Address);
        BinaryPrimitives.WriteUInt32LittleEndian(body[32..], injected.ErrorCode);
        body[36] = injected.Vector;
        body[37] = (byte)wouldHave.GetValueOrDefault();
        BinaryPrimitives.WriteInt32LittleEndian(body[40..], votes);
    }

    private static int WriteVote(Span<byte> body, TraceVote vote)
    {
        var at = WriteText(body, vote.Policy);
        body[at] = (byte)vote.Decision;
        body[at + 1] = (byte)((vote.IsAudit ? VoteAudit : 0) | (vote.Failed ? VoteFailed : 0));
        BinaryPrimitives.WriteUInt64LittleEndian(body[(at + 2)..], vote.Value);
        return at + VoteFixedLength - 1;
    }

    private static bool IsDecision(byte value) => value <= (byte)DecisionKind.Crash;

    // One byte of length; 0 stands for no text. What is longer is cut at a character's border.
    private static int WriteText(Span<byte> destination, string? text)
    {
        if (text is null)
        {
            destination[0] = 0;
            return 1;
        }

        Utf8.FromUtf16(text, destination.Slice(1, Math.Min(MaxText, destination.Length - 1)), out _, out var written);
        destination[0] = (byte)written;
        return 1 + written;
    }

    private static bool TryReadText(ref ReadOnlySpan<byte> rest, out string? text)
    {
        text = null;
        if (rest.IsEmpty || rest.Length < 1 + rest[0] || !Utf8.IsValid(rest.Slice(1, rest[0])))
        {
            return false;
        }

        text = rest[0] == 0 ? null : Encoding.UTF8.GetString(rest.Slice(1, rest[0]));
        rest = rest[(1 + rest[0])..];
        return true;
    }
}
