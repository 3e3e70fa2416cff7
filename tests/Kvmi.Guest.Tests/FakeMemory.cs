using System.Buffers.Binary;
using Kvmi.Guest.Memory;

namespace Kvmi.Guest.Tests;

internal sealed class FakeMemory : IPhysicalMemory
{
    private readonly Dictionary<ulong, byte[]> _pages = [];

    public int Reads { get; private set; }

    public void Put(ulong gpa, params ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            var address = gpa + (ulong)i;
            if (!_pages.TryGetValue(address >> 12, out var page))
            {
                _pages.Add(address >> 12, page = new byte[4096]);
            }

            page[address & 0xFFF] = bytes[i];
        }
    }

    public void Put64(ulong gpa, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Put(gpa, bytes);
    }

    public void Put32(ulong gpa, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Put(gpa, bytes);
    }

    public bool TryRead(ulong gpa, Span<byte> destination)
    {
        Reads++;
        for (var i = 0; i < destination.Length; i++)
        {
            if (!_pages.TryGetValue((gpa + (ulong)i) >> 12, out var page))
            {
                return false;
            }

            destination[i] = page[(gpa + (ulong)i) & 0xFFF];
        }

        return true;
    }
}
