using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Kvmi.Guest.Memory;
using Kvmi.Guest.Paging;
using Kvmi.Protocol.Registers;

namespace Kvmi.Benchmarks.Micro;

/// <summary>A walk over four levels of page tables that are in this process: what it costs without the commands.</summary>
public class PageWalk
{
    private readonly Tables _tables = new();
    private KvmSregs _sregs = new() { Cr0 = 0x8000_0001, Cr3 = 0x1000, Cr4 = 0x20, Efer = 0x500 };

    [Benchmark]
    public ulong FourLevels() =>
        PageWalker.Translate(_tables, in _sregs, 0xFFFF_8880_0001_1008, out var gpa) == TranslationStatus.Mapped ? gpa : throw new InvalidOperationException();

    private sealed class Tables : IPhysicalMemory
    {
        public bool TryRead(ulong gpa, Span<byte> destination)
        {
            // Tables at 0x1000, 0x2000, 0x3000 and 0x4000, whatever the index.
            BinaryPrimitives.WriteUInt64LittleEndian(destination, ((gpa & ~0xFFFUL) + 0x1000) | 3);
            return true;
        }
    }
}
