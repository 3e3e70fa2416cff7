using System.Runtime.InteropServices;
using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>The Linux calls of doctor that .NET does not offer. Layouts are those of x86-64.</summary>
internal static partial class HostCalls
{
    private const int CurrentDirectory = -100;
    private const uint TypeModeOwnerSize = 0x1 | 0x2 | 0x8 | 0x200;
    private const int NoEntry = 2;
    private const int NotDirectory = 20;
    private const int TypeMask = 0xF000;

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    /// <summary>What lies at a path, links followed.</summary>
    public static FileFacts FileAt(string path)
    {
        Span<byte> buffer = stackalloc byte[256];
        buffer.Clear();
        if (Statx(CurrentDirectory, path, 0, TypeModeOwnerSize, buffer) != 0)
        {
            return new FileFacts(Marshal.GetLastPInvokeError() is NoEntry or NotDirectory ? FileKind.Absent : FileKind.Hidden);
        }

        // struct statx: the same offsets on every architecture.
        var mode = MemoryMarshal.Read<ushort>(buffer[28..]);
        var kind = (mode & TypeMask) switch
        {
            0x8000 => FileKind.File,
            0x4000 => FileKind.Directory,
            0xC000 => FileKind.Socket,
            _ => FileKind.Other,
        };
        return new FileFacts(kind, (uint)mode & 0xFFF, MemoryMarshal.Read<uint>(buffer[20..]), MemoryMarshal.Read<long>(buffer[40..]));
    }

    /// <summary>A resource limit of this process; none where the system does not say.</summary>
    public static LimitFacts Limit(LimitKind kind)
    {
        Span<ulong> limits = [LimitFacts.Unlimited, LimitFacts.Unlimited];
        return GetLimit((int)kind, limits) == 0 ? new LimitFacts(limits[0], limits[1]) : new LimitFacts(LimitFacts.Unlimited, LimitFacts.Unlimited);
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, Span<ulong> limits);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> buffer);
}
