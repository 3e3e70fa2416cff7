using System.Buffers.Binary;
using System.Text;

namespace Kvmi.Policy.Engine.Leases.Journal;

/// <summary>From the bytes of a journal to the patches that were not given back. The bytes are not trusted.</summary>
internal static class JournalReader
{
    private const int MaxPolicyId = 1024;

    /// <summary>Replays the records.</summary>
    /// <param name="bytes">The whole journal, with a header that was read before.</param>
    /// <param name="length">Bytes up to the end of the last good record.</param>
    /// <returns>The patches in the order in which they were written.</returns>
    public static PatchStack Replay(ReadOnlySpan<byte> bytes, out int length)
    {
        var stack = new PatchStack();
        var position = JournalFormat.HeaderLength;
        do
        {
            length = position;
        }
        while (JournalFormat.TryTake(bytes, ref position, out var kind, out var payload) && Apply(stack, kind, payload));
        return stack;
    }

    /// <returns>False for a record that this version would not have written.</returns>
    private static bool Apply(PatchStack stack, JournalRecordKind kind, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 4)
        {
            return false;
        }

        var id = BinaryPrimitives.ReadUInt32LittleEndian(payload);
        var index = stack.IndexOf(id);
        switch (kind)
        {
            case JournalRecordKind.Added when index < 0:
                return Add(stack, id, payload);
            case JournalRecordKind.Rewritten when index >= 0 && payload.Length == 4 + stack[index].Length:
                stack[index].Rewrite(payload[4..]);
                return true;
            case JournalRecordKind.Removed when index >= 0 && payload.Length == 4:
                stack.TakeOut(index, new bool[stack[index].Length]);
                return true;
            default:
                return false;
        }
    }

    private static bool Add(PatchStack stack, uint id, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 16)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
        var gpa = BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]);
        if (length is <= 0 or > MemoryPatches.MaxBytes
            || payload.Length < 16 + (2 * length)
            || payload.Length > 16 + (2 * length) + MaxPolicyId
            || gpa > ulong.MaxValue - (ulong)(length - 1)
            || stack.Count >= MemoryPatches.MaxPatches
            || stack.Bytes + length > MemoryPatches.MaxBytes)
        {
            return false;
        }

        var policy = Encoding.UTF8.GetString(payload[(16 + (2 * length))..]);
        var former = payload.Slice(16, length).ToArray();
        stack.Add(new MemoryPatch(id, new LeaseOwner(policy), gpa, former, payload.Slice(16 + length, length).ToArray()));
        return true;
    }
}
