using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>Guest memory, by way of the host. Virtual addresses are those of the event under way.</summary>
internal sealed class WorkerMemory(WorkerChannel channel) : IGuestMemory
{
    private const int MaxLength = 65_536;

    public byte[]? TryReadPhysical(ulong gpa, int length)
    {
        var bytes = new byte[Check(length)];
        return TryReadPhysical(gpa, bytes) ? bytes : null;
    }

    public bool TryReadPhysical(ulong gpa, Span<byte> destination) => Read(LaneCode.ReadPhysical, gpa, destination);

    public byte[]? TryReadVirtual<TEvent>(TEvent e, ulong gva, int length)
        where TEvent : IGuestEvent, allows ref struct
    {
        var bytes = new byte[Check(length)];
        return TryReadVirtual(e, gva, bytes) ? bytes : null;
    }

    public bool TryReadVirtual<TEvent>(TEvent e, ulong gva, Span<byte> destination)
        where TEvent : IGuestEvent, allows ref struct => Read(LaneCode.ReadVirtual, gva, destination);

    public bool TryTranslate<TEvent>(TEvent e, ulong gva, out ulong gpa)
        where TEvent : IGuestEvent, allows ref struct
    {
        var question = channel.Ask(LaneCode.Translate);
        question.U64(gva);
        var answer = channel.Answer(in question);
        var found = answer.U8() != 0;
        gpa = answer.U64();
        return found;
    }

    public PageHash HashPage(ulong gpa)
    {
        var question = channel.Ask(LaneCode.HashPage);
        question.U64(gpa);
        var answer = channel.Answer(in question);
        return new PageHash(answer.U64(), answer.U64(), answer.U64(), answer.U64());
    }

    public bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        Check(source.Length);
        var question = channel.Ask(LaneCode.WritePhysical);
        question.U64(gpa);
        question.Bytes(source);
        return channel.Answer(in question).U8() != 0;
    }

    private static int Check(int length) =>
        length is >= 0 and <= MaxLength
            ? length
            : throw new ArgumentOutOfRangeException(nameof(length), length, $"A policy reads or writes 0 to {MaxLength} bytes at once.");

    private bool Read(LaneCode code, ulong address, Span<byte> destination)
    {
        Check(destination.Length);
        var question = channel.Ask(code);
        question.U64(address);
        question.U32((uint)destination.Length);
        var answer = channel.Answer(in question);
        if (answer.U8() == 0)
        {
            return false;
        }

        answer.Bytes(MaxLength).CopyTo(destination);
        return true;
    }
}

/// <summary>The policy's page leases, which the host keeps.</summary>
internal sealed class WorkerPages(WorkerChannel channel) : IPageLeases
{
    public bool Set(ulong gpa, PageAccess access) => Ask(LaneCode.SetPage, gpa, access) != 0;

    public bool Release(ulong gpa) => Ask(LaneCode.ReleasePage, gpa, PageAccess.None) != 0;

    public PageAccess Get(ulong gpa) => (PageAccess)Ask(LaneCode.GetPage, gpa, PageAccess.None);

    private byte Ask(LaneCode code, ulong gpa, PageAccess access)
    {
        var question = channel.Ask(code);
        question.U64(gpa);
        question.U8((byte)access);
        return channel.Answer(in question).U8();
    }
}
