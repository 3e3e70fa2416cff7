using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Runtime.Services;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>
/// Guest memory, by way of the host, which remembers it during an event as for every other policy. A call with many ranges is one question.
/// Virtual addresses are those of the event under way.
/// </summary>
internal sealed class WorkerMemory : MemoryReads
{
    private readonly WorkerChannel _channel;

    public WorkerMemory(WorkerChannel channel)
        : this(channel, new WorkerMemory(channel, fresh: null))
    {
    }

    private WorkerMemory(WorkerChannel channel, IGuestMemory? fresh)
        : base(fresh)
    {
        _channel = channel;
    }

    public override bool TryReadPhysical(ulong gpa, Span<byte> destination) => Read(LaneCode.ReadPhysical, gpa, destination);

    public override bool TryReadPhysical(ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found) =>
        ReadMany(isVirtual: false, ranges, destination, found);

    public override bool TryReadVirtual<TEvent>(TEvent e, ulong gva, Span<byte> destination) =>
        Read(LaneCode.ReadVirtual, gva, destination);

    public override bool TryReadVirtual<TEvent>(TEvent e, ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found) =>
        ReadMany(isVirtual: true, ranges, destination, found);

    public override bool TryTranslate<TEvent>(TEvent e, ulong gva, out ulong gpa)
    {
        var question = Ask(LaneCode.Translate);
        question.U64(gva);
        var answer = _channel.Answer(in question);
        var found = answer.U8() != 0;
        gpa = answer.U64();
        return found;
    }

    public override bool TryTranslate<TEvent>(TEvent e, ReadOnlySpan<ulong> gvas, Span<ulong> gpas, Span<bool> found)
    {
        MemoryLimits.Check(gvas.Length, gpas.Length, found.Length);
        var question = Ask(LaneCode.TranslateMany);
        question.U8((byte)gvas.Length);
        foreach (var gva in gvas)
        {
            question.U64(gva);
        }

        var answer = _channel.Answer(in question);
        var all = Flags(ref answer, found[..gvas.Length]);
        for (var i = 0; i < gvas.Length; i++)
        {
            gpas[i] = answer.U64();
        }

        return all;
    }

    public override PageHash HashPage(ulong gpa)
    {
        var question = _channel.Ask(LaneCode.HashPage);
        question.U64(gpa);
        var answer = _channel.Answer(in question);
        return new PageHash(answer.U64(), answer.U64(), answer.U64(), answer.U64());
    }

    public override bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        MemoryLimits.Check(source.Length);
        var question = _channel.Ask(LaneCode.WritePhysical);
        question.U64(gpa);
        question.Bytes(source);
        return _channel.Answer(in question).U8() != 0;
    }

    private static bool Flags(ref LaneReader answer, Span<bool> found)
    {
        var flags = answer.Bytes(MemoryLimits.MaxRanges);
        var all = true;
        for (var i = 0; i < found.Length; i++)
        {
            found[i] = flags[i] != 0;
            all &= found[i];
        }

        return all;
    }

    /// <summary>Starts a question that the host answers from what it remembers, or anew.</summary>
    private LaneWriter Ask(LaneCode code)
    {
        var question = _channel.Ask(code);
        question.U8(IsFresh ? (byte)1 : (byte)0);
        return question;
    }

    private bool Read(LaneCode code, ulong address, Span<byte> destination)
    {
        MemoryLimits.Check(destination.Length);
        var question = Ask(code);
        question.U64(address);
        question.U32((uint)destination.Length);
        var answer = _channel.Answer(in question);
        if (answer.U8() == 0)
        {
            destination.Clear();
            return false;
        }

        answer.Bytes(MemoryLimits.MaxBytes).CopyTo(destination);
        return true;
    }

    private bool ReadMany(bool isVirtual, ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found)
    {
        MemoryLimits.Check(ranges, destination.Length, found.Length);
        var question = Ask(LaneCode.ReadMany);
        question.U8(isVirtual ? (byte)1 : (byte)0);
        question.U8((byte)ranges.Length);
        foreach (ref readonly var range in ranges)
        {
            question.U64(range.Address);
            question.U32((uint)range.Length);
        }

        var answer = _channel.Answer(in question);
        var all = Flags(ref answer, found[..ranges.Length]);
        answer.Bytes(MemoryLimits.MaxBytes).CopyTo(destination);
        return all;
    }
}
