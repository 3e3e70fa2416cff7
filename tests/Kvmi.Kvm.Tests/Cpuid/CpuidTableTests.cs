using System.Buffers.Binary;
using Kvmi.Kvm.Cpuid;
using Kvmi.Kvm.Devices;
using Kvmi.Kvm.Tests.Support;

namespace Kvmi.Kvm.Tests.Cpuid;

public class CpuidTableTests
{
    private const int TooBig = 7;
    private const int NoMemory = 12;
    private const int Invalid = 22;

    [Fact]
    public void Emulated_leaves_are_the_same_with_one_entry_at_first()
    {
        using var system = RealKvm.Open();
        if (system.CheckExtension((int)KvmCapability.EmulatedCpuid) == 0)
        {
            Assert.Skip("This kernel has no KVM_GET_EMULATED_CPUID.");
        }

        var grown = system.GetEmulatedCpuid(1);
        Assert.Equal(system.GetEmulatedCpuid(), grown);
        Assert.Contains(grown, entry => entry.Function == 0);
    }

    [Fact]
    public void Supported_leaves_are_the_same_with_one_entry_at_first()
    {
        using var system = RealKvm.Open();
        var grown = system.GetSupportedCpuid(1);
        Assert.True(grown.Count > 1);
        // The values of a leaf may differ from call to call (APIC id of the processor that answers); which leaves there are may not.
        Assert.Equal(system.GetSupportedCpuid().Select(entry => (entry.Function, entry.Index)), grown.Select(entry => (entry.Function, entry.Index)));
    }

    [Fact]
    public void A_table_that_is_too_small_is_doubled_until_it_fits()
    {
        var kernel = new FakeKernel { Entries = 5 };
        Assert.Equal([0u, 1u, 2u, 3u, 4u], CpuidTable.Read("X", 1, kernel.Answer).Select(entry => entry.Function));
        Assert.Equal([1, 2, 4, 8], kernel.Asked);
    }

    [Fact]
    public void A_table_that_is_too_large_is_cut_to_what_the_kernel_says()
    {
        var kernel = new FakeKernel { Entries = 5, TooLarge = NoMemory };
        Assert.Equal(5, CpuidTable.Read("X", 64, kernel.Answer).Length);
        Assert.Equal([64, 5], kernel.Asked);
    }

    [Fact]
    public void A_kernel_that_never_has_enough_is_given_up()
    {
        var kernel = new FakeKernel { Entries = int.MaxValue };
        Assert.Equal("E2BIG", Assert.Throws<KvmException>(() => CpuidTable.Read("X", 1, kernel.Answer)).ErrnoName);
        Assert.Equal(CpuidTable.MaxCount, kernel.Asked[^1]);
        Assert.Equal(11, kernel.Asked.Count);
    }

    [Fact]
    public void A_kernel_that_changes_its_mind_is_given_up()
    {
        var calls = 0;
        Assert.Throws<KvmException>(() => CpuidTable.Read("X", 64, buffer =>
        {
            calls++;
            var count = BinaryPrimitives.ReadInt32LittleEndian(buffer);
            BinaryPrimitives.WriteInt32LittleEndian(buffer, count - 1);
            return count < 64 ? TooBig : NoMemory;
        }));
        Assert.Equal(2, calls);
    }

    [Theory]
    [InlineData(0, 65)]
    [InlineData(0, -1)]
    [InlineData(NoMemory, 0)]
    [InlineData(NoMemory, 64)]
    [InlineData(Invalid, 1)]
    public void Nonsense_from_the_kernel_is_an_error(int errno, int answered) =>
        Assert.Throws<KvmException>(() => CpuidTable.Read("X", 64, buffer =>
        {
            BinaryPrimitives.WriteInt32LittleEndian(buffer, answered);
            return errno;
        }));

    [Fact]
    public void Entries_are_laid_out_as_the_header_says()
    {
        var bytes = CpuidTable.Encode([new CpuidEntry(0, 0, 0, 0, 0, 0, 0), new CpuidEntry(1, 2, 1, 3, 4, 5, 6)]);
        Assert.Equal(8 + (2 * 40), bytes.Length);
        Assert.Equal([2u, 0u], Words(bytes.AsSpan(0, 8)));
        Assert.Equal([1u, 2u, 1u, 3u, 4u, 5u, 6u, 0u, 0u, 0u], Words(bytes.AsSpan(48)));
    }

    private static uint[] Words(ReadOnlySpan<byte> bytes) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(bytes).ToArray();

    /// <summary>A kernel with a number of entries that answers as documented.</summary>
    private sealed class FakeKernel
    {
        public required int Entries { get; init; }

        public int TooLarge { get; init; }

        public List<int> Asked { get; } = [];

        public int Answer(Span<byte> buffer)
        {
            var count = BinaryPrimitives.ReadInt32LittleEndian(buffer);
            Asked.Add(count);
            Assert.Equal(8 + (count * 40), buffer.Length);
            if (count < Entries)
            {
                return TooBig;
            }

            BinaryPrimitives.WriteInt32LittleEndian(buffer, Entries);
            if (count > Entries && TooLarge != 0)
            {
                return TooLarge;
            }

            for (var i = 0; i < Entries; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(buffer[(8 + (i * 40))..], i);
            }

            return 0;
        }
    }
}
