using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Kvmi.Policy.Engine.Leases.Journal;

/// <summary>
/// The bytes of a patch journal: a header that names the VM, then records, each with its length and a checksum over its place and content.
/// A record that is cut off or damaged ends the journal: it was about to be written when the process died, so what it announces never
/// reached the guest. All numbers are little-endian.
/// </summary>
internal static class JournalFormat
{
    public const int HeaderLength = 40;

    /// <summary>A journal is written anew when it gets longer, and one that is longer yet is not read.</summary>
    public const int MaxLength = 8 << 20;

    private const int CheckLength = 8;
    private const int RecordOverhead = 8 + CheckLength;
    private const int CheckedPrefix = 8;

    // The last byte is the version of the format.
    private static ReadOnlySpan<byte> Magic => "KVMIPAT\u0001"u8;

    /// <summary>The header of the journal of one VM.</summary>
    /// <param name="uuid">UUID of the VM.</param>
    /// <param name="start">Its start time in seconds since 1970.</param>
    public static byte[] Header(Guid uuid, long start)
    {
        var bytes = new byte[HeaderLength];
        Magic.CopyTo(bytes);
        uuid.TryWriteBytes(bytes.AsSpan(8), bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), start);
        Check(0, bytes.AsSpan(0, HeaderLength - CheckLength), bytes.AsSpan(HeaderLength - CheckLength));
        return bytes;
    }

    /// <summary>Reads a header.</summary>
    /// <returns>False when it is none of this version.</returns>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, out Guid uuid, out long start)
    {
        uuid = default;
        start = 0;
        Span<byte> check = stackalloc byte[CheckLength];
        if (bytes.Length < HeaderLength || !bytes.StartsWith(Magic))
        {
            return false;
        }

        Check(0, bytes[..(HeaderLength - CheckLength)], check);
        uuid = new Guid(bytes.Slice(8, 16), bigEndian: true);
        start = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]);
        return check.SequenceEqual(bytes.Slice(HeaderLength - CheckLength, CheckLength));
    }

    /// <summary>A patch: number, address, bytes before, bytes written, and the policy's id for people.</summary>
    public static byte[] Added(long position, MemoryPatch patch)
    {
        var policy = Encoding.UTF8.GetBytes(patch.Owner.PolicyId);
        var record = Start(JournalRecordKind.Added, 16 + (2 * patch.Length) + policy.Length, out var payload);
        BinaryPrimitives.WriteUInt32LittleEndian(payload, patch.Id);
        BinaryPrimitives.WriteInt32LittleEndian(payload[4..], patch.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], patch.Gpa);
        patch.Former.CopyTo(payload[16..]);
        patch.Written.CopyTo(payload[(16 + patch.Length)..]);
        policy.CopyTo(payload[(16 + (2 * patch.Length))..]);
        return End(position, record);
    }

    /// <summary>Other bytes over the same place.</summary>
    public static byte[] Rewritten(long position, uint id, ReadOnlySpan<byte> bytes)
    {
        var record = Start(JournalRecordKind.Rewritten, 4 + bytes.Length, out var payload);
        BinaryPrimitives.WriteUInt32LittleEndian(payload, id);
        bytes.CopyTo(payload[4..]);
        return End(position, record);
    }

    /// <summary>The patch is given back.</summary>
    public static byte[] Removed(long position, uint id)
    {
        var record = Start(JournalRecordKind.Removed, 4, out var payload);
        BinaryPrimitives.WriteUInt32LittleEndian(payload, id);
        return End(position, record);
    }

    /// <summary>Takes the next record.</summary>
    /// <param name="bytes">The whole journal.</param>
    /// <param name="position">Where the record begins; behind it afterwards.</param>
    /// <param name="kind">What it is; not checked.</param>
    /// <param name="payload">Its content.</param>
    /// <returns>False at the end of what is whole.</returns>
    public static bool TryTake(ReadOnlySpan<byte> bytes, ref int position, out JournalRecordKind kind, out ReadOnlySpan<byte> payload)
    {
        kind = default;
        payload = default;
        var rest = bytes[position..];
        if (rest.Length < RecordOverhead)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
        if (length < 0 || length > rest.Length - RecordOverhead)
        {
            return false;
        }

        Span<byte> check = stackalloc byte[CheckLength];
        Check(position, rest[..(length + CheckedPrefix)], check);
        if (!check.SequenceEqual(rest.Slice(length + CheckedPrefix, CheckLength)))
        {
            return false;
        }

        kind = (JournalRecordKind)BinaryPrimitives.ReadInt32LittleEndian(rest[4..]);
        payload = rest.Slice(CheckedPrefix, length);
        position += length + RecordOverhead;
        return true;
    }

    private static byte[] Start(JournalRecordKind kind, int length, out Span<byte> payload)
    {
        var record = new byte[length + RecordOverhead];
        BinaryPrimitives.WriteInt32LittleEndian(record, length);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), (int)kind);
        payload = record.AsSpan(CheckedPrefix, length);
        return record;
    }

    private static byte[] End(long position, byte[] record)
    {
        Check(position, record.AsSpan(0, record.Length - CheckLength), record.AsSpan(record.Length - CheckLength));
        return record;
    }

    /// <summary>The first bytes of the SHA-256 over place and content: against accidents, not against somebody who may write the file.</summary>
    private static void Check(long position, ReadOnlySpan<byte> content, Span<byte> check)
    {
        Span<byte> place = stackalloc byte[8];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteInt64LittleEndian(place, position);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(place);
        sha.AppendData(content);
        sha.GetHashAndReset(hash);
        hash[..CheckLength].CopyTo(check);
    }
}
