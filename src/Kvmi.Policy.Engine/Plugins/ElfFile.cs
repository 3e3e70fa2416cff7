using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// Checks the frame of a shared library before the system's loader maps it: that one believes the headers, and a file that is cut short ends the
/// process when a missing page is touched. Layout: System V ABI, ELF-64 object file format.
/// </summary>
internal static class ElfFile
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const ushort SharedObject = 3;
    private const uint Loadable = 1;

    /// <summary>What is wrong with the bytes, as a clause about the file; null when it is a whole library for this processor.</summary>
    public static string? FindFlaw(ReadOnlySpan<byte> image)
    {
        if (image.Length < HeaderSize || !image.StartsWith("\u007fELF"u8))
            return "it is no ELF file";
        if (image[4] != 2 || image[5] != 1 || BinaryPrimitives.ReadUInt16LittleEndian(image[16..]) != SharedObject)
            return "it is no 64-bit shared library";

        var machine = BinaryPrimitives.ReadUInt16LittleEndian(image[18..]);
        if (machine != Machine)
            return $"it is for another processor (ELF machine {machine}, this one is {Machine})";

        var start = BinaryPrimitives.ReadUInt64LittleEndian(image[32..]);
        var size = BinaryPrimitives.ReadUInt16LittleEndian(image[54..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(image[56..]);
        if (size != ProgramHeaderSize || count == 0 || start > (ulong)image.Length || (ulong)count * ProgramHeaderSize > (ulong)image.Length - start)
            return "its program headers are damaged or cut short; copy it again";

        for (var i = 0; i < count; i++)
        {
            var header = image.Slice((int)start + (i * ProgramHeaderSize), ProgramHeaderSize);
            var offset = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
            var length = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) == Loadable && (offset > (ulong)image.Length || length > (ulong)image.Length - offset))
                return $"it is cut short (a segment ends behind the file's {image.Length} bytes); copy it again";
        }

        return null;
    }

    // EM_X86_64 and EM_AARCH64.
    private static ushort Machine => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? (ushort)183 : (ushort)62;
}
