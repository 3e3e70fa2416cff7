using System.Buffers.Binary;
using System.Collections.Frozen;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Captures;

/// <summary>
/// Collects what the messages of a conversation say about its dialect. v11 and v12 are one dialect here until the end: they differ
/// in ids 20 and 22 alone (kvmi-later-dialects.md 1.4).
/// </summary>
internal sealed class DialectWitness
{
    private const ushort CheckCommandOfB = 3;
    private const ushort CheckCommandOfD = 4;
    private const ushort MaxGfnOfB = 29;
    private const ushort MaxGfnOfD1 = 20;
    private const ushort PageAccessOfD1 = 22;

    private readonly DialectEvidence _rfcV5 = new(KvmiDialect.RfcV5);
    private readonly DialectEvidence _v7 = new(KvmiDialect.V7);
    private readonly DialectEvidence _v11OrV12 = new(KvmiDialect.V12);
    private readonly OutstandingTable _asked = new();
    private string? _isV11;
    private string? _isV12;
    private string? _notV7;

    public void SeeHello(HelloRecord hello)
    {
        // A hint only: patched device managers exist (1.7).
        var isV12 = hello.MaxGpa is not null;
        _v11OrV12.Judge(isV12 || hello.Size != HelloRecord.BaseSize);
        _v7.Judge(!isV12);
        _rfcV5.Judge(hello.Size == HelloRecord.BaseSize);
    }

    public void See(MessageDirection direction, MessageHeader header, ReadOnlySpan<byte> payload)
    {
        if (direction == MessageDirection.ToolToKernel)
        {
            SeeFromTool(header, payload);
        }
        else
        {
            SeeFromKernel(header, payload);
        }
    }

    public InferredDialect Judge()
    {
        DialectEvidence[] all = [_rfcV5, _v7, _v11OrV12];
        var proven = all.Where(evidence => evidence.Proof is not null).ToArray();
        if (proven.Length > 1)
        {
            return new InferredDialect(
                null, [], "The messages contradict each other: " + string.Join("; ", proven.Select(evidence => $"{Name(evidence)}: {evidence.Proof}")) + ".");
        }

        if (_notV7 is not null && proven.All(evidence => evidence == _v7))
        {
            return new InferredDialect(null, [], _notV7);
        }

        var best = all.Max(evidence => evidence.Points);
        if (best <= 0)
        {
            return new InferredDialect(null, [], "No dialect explains the messages: " + Summaries(all) + ". Name the dialect.");
        }

        var winners = all.Where(evidence => evidence.Points == best).ToArray();
        if (winners.Length > 1)
        {
            return new InferredDialect(
                null,
                [.. winners.SelectMany(evidence => evidence == _v11OrV12 ? [KvmiDialect.V11, KvmiDialect.V12] : new[] { evidence.Dialect })],
                "Several dialects explain the messages equally well: " + Summaries(winners) + ". Name the dialect.");
        }

        return winners[0] == _v11OrV12
            ? JudgeV11OrV12()
            : new InferredDialect(winners[0].Dialect, [winners[0].Dialect], Name(winners[0]) + ": " + winners[0].Summary + ".");
    }

    private InferredDialect JudgeV11OrV12()
    {
        var summary = _v11OrV12.Summary;
        return (_isV11, _isV12) switch
        {
            ({ } v11, null) => new InferredDialect(KvmiDialect.V11, [KvmiDialect.V11], $"v11: {summary}; {v11}."),
            (null, { } v12) => new InferredDialect(KvmiDialect.V12, [KvmiDialect.V12], $"v12: {summary}; {v12}."),
            _ => new InferredDialect(
                null,
                [KvmiDialect.V11, KvmiDialect.V12],
                $"v11 or v12: {summary}; no message with id {MaxGfnOfD1} or {PageAccessOfD1} tells them apart. Name the dialect."),
        };
    }

    private void SeeFromTool(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        var asked = payload.Length >= 2 ? BinaryPrimitives.ReadUInt16LittleEndian(payload) : (ushort)0;
        _asked.Add(header.Id, header.Sequence, asked);

        JudgeRequest(_rfcV5, MessageSizes.RfcV5, header, replyId: 24, header.Size is 8 or 16 or 272);
        JudgeRequest(_v7, MessageSizes.V7, header, replyId: 0, header.Size is 16 or 24 or 288);
        JudgeRequest(_v11OrV12, MessageSizes.V11AndV12, header, replyId: 1, header.Size is 16 or 24);
        if (header.Id == MaxGfnOfD1 && header.Size >= 8)
        {
            _isV12 ??= $"id {MaxGfnOfD1} carries pages, as SET_PAGE_ACCESS of v12";
        }
    }

    private void SeeFromKernel(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        if (SeeEvent(header, payload) || payload.Length < 8)
        {
            return;
        }

        var error = (KvmiError)BinaryPrimitives.ReadInt32LittleEndian(payload);
        var isAnswer = _asked.TryTake(header.Id, header.Sequence, out var asked);
        if (error == KvmiError.None)
        {
            JudgeReply(_rfcV5, MessageSizes.RfcV5, header);
            JudgeReply(_v7, MessageSizes.V7, header);
            JudgeReply(_v11OrV12, MessageSizes.V11AndV12, header);
            SeeVersion(header, payload);
        }
        else if (error == KvmiError.NoSuchCommand)
        {
            JudgeUnknown(_rfcV5, MessageSizes.RfcV5, header);
            JudgeUnknown(_v7, MessageSizes.V7, header);
        }

        if (isAnswer)
        {
            SeeCheck(header, asked, error);
        }

        SeeTellingIds(header, error);
    }

    private bool SeeEvent(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Id == 1 && payload.Length >= 544 && U16(payload, 0) == 544)
        {
            _v7.Prove("events begin with their 544-byte base");
            return true;
        }

        if (header.Id == 1 && payload.Length >= 552 && U16(payload, 8) == 544 && !payload[2..8].ContainsAnyExcept((byte)0))
        {
            _v11OrV12.Prove("events have an 8-byte header before their 544-byte base");
            return true;
        }

        if (header.Id == 23 && payload.Length >= 536)
        {
            _rfcV5.Prove("events have message id 23 and a 536-byte base");
            return true;
        }

        // The VM event of v11 and v12; no other dialect has a message with this id from the kernel.
        if (header.Id == 0 && payload.Length == 8)
        {
            _v11OrV12.Judge(true);
            return true;
        }

        return false;
    }

    private void SeeVersion(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Id == DialectProbe.FirstId && payload.Length == 24 && U32(payload, 12) != 0)
        {
            _rfcV5.Prove("GET_VERSION has id 1 and answers with bit masks");
        }
        else if (header.Id == DialectProbe.VersionId && payload.Length == 24)
        {
            if (U32(payload, 12) == 0)
            {
                _v7.Prove("GET_VERSION tells features and no largest payload");
            }
            else
            {
                _v11OrV12.Prove("GET_VERSION tells a largest payload");
            }
        }
        else if (header.Id == DialectProbe.VersionId && payload.Length == 16)
        {
            _notV7 ??= "v6: GET_VERSION tells no features. This dialect is not supported.";
        }
    }

    private void SeeCheck(MessageHeader header, ushort asked, KvmiError error)
    {
        var isKnown = error is KvmiError.None or KvmiError.NotPermitted;
        if (header.Id == CheckCommandOfB && asked == MaxGfnOfB && error == KvmiError.NoEntry)
        {
            _notV7 ??= $"list v7 or list v8: command {MaxGfnOfB} does not exist. This dialect is not supported.";
        }
        else if (header.Id == CheckCommandOfD && asked == PageAccessOfD1 && isKnown)
        {
            _isV11 ??= $"command {PageAccessOfD1} exists";
        }
        else if (header.Id == CheckCommandOfD && asked == PageAccessOfD1 && error == KvmiError.NoEntry)
        {
            _isV12 ??= $"command {PageAccessOfD1} does not exist";
        }
    }

    private void SeeTellingIds(MessageHeader header, KvmiError error)
    {
        if (header.Id == PageAccessOfD1)
        {
            if (error == KvmiError.NoSuchCommand)
            {
                _isV12 ??= $"command {PageAccessOfD1} does not exist";
            }
            else
            {
                _isV11 ??= $"command {PageAccessOfD1} exists";
            }
        }
        else if (header.Id == MaxGfnOfD1 && error == KvmiError.None && header.Size == 16)
        {
            _isV11 ??= $"id {MaxGfnOfD1} answers a number, as GET_MAX_GFN of v11";
        }
    }

    private static void JudgeRequest(
        DialectEvidence evidence, FrozenDictionary<ushort, (int Request, int Reply)> sizes, MessageHeader header, ushort replyId, bool isReplySize)
    {
        if (header.Id == replyId)
        {
            evidence.Judge(isReplySize);
        }
        else
        {
            evidence.Judge(sizes.TryGetValue(header.Id, out var size) && MessageSizes.Fits(size.Request, header.Size));
        }
    }

    private static void JudgeReply(DialectEvidence evidence, FrozenDictionary<ushort, (int Request, int Reply)> sizes, MessageHeader header) =>
        evidence.Judge(sizes.TryGetValue(header.Id, out var size) && MessageSizes.Fits(size.Reply, header.Size - 8));

    private static void JudgeUnknown(DialectEvidence evidence, FrozenDictionary<ushort, (int Request, int Reply)> sizes, MessageHeader header)
    {
        if (sizes.ContainsKey(header.Id))
        {
            evidence.Judge(false);
        }
    }

    private static string Summaries(IEnumerable<DialectEvidence> all) =>
        string.Join("; ", all.Select(evidence => $"{Name(evidence)}: {evidence.Summary}"));

    private static string Name(DialectEvidence evidence) => evidence.Dialect switch
    {
        KvmiDialect.RfcV5 => "rfc-v5",
        KvmiDialect.V7 => "v7",
        _ => "v11 or v12",
    };

    private static ushort U16(ReadOnlySpan<byte> payload, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(payload[offset..]);

    private static uint U32(ReadOnlySpan<byte> payload, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(payload[offset..]);
}
