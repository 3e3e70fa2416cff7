using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Engine.Tests.Dispatch;

public sealed class CompiledFilterTests
{
    private static readonly EventBody Cr4 = EventBody.Cr(4, 0b1100, 0b1010);
    private static readonly EventBody Msr = EventBody.Msr(0x10, 1, 2);
    private static readonly EventBody Fault = EventBody.PageFault(0x7000, 0x5000, PageAccess.Write);
    private static readonly EventBody Lgdt = EventBody.Descriptor(DescriptorTable.Gdtr, write: true);

    [Fact]
    public void Every_part_matches_and_misses()
    {
        Both(Cr4, new() { Cr = 4 }, new() { Cr = 3 });
        Both(Msr, new() { Msrs = [R(0x10, 0x10)] }, new() { Msrs = [R(0x11, 0x20)] });
        Both(Cr4, new() { ChangedBits = 0b0110 }, new() { ChangedBits = 0b1001 });
        Both(Cr4, new() { ClearedBits = 0b0100 }, new() { ClearedBits = 0b0010 });
        Both(Cr4, new() { SetBits = 0b0010 }, new() { SetBits = 0b0100 });
        Both(Cr4, new() { NewValues = [R(0, 1), R(10, 11)] }, new() { NewValues = [R(0, 9), R(11, 99)] });
        Both(Cr4, new() { OldValues = [R(12, 12)] }, new() { OldValues = [R(0, 11)] });
        Both(Fault, new() { Access = PageAccess.ReadWrite }, new() { Access = PageAccess.ReadExecute });
        Both(Fault, new() { Gpa = [R(0x5000, 0x5FFF)] }, new() { Gpa = [R(0x6000, 0x6FFF)] });
        Both(Fault, new() { Gva = [R(0x7000, 0x7000)] }, new() { Gva = [R(0, 0x6FFF)] });
        Both(Cr4, new() { Rip = [R(0x400, 0x4FF)] }, new() { Rip = [R(0x500, ulong.MaxValue)] });
        Both(Cr4, new() { Cpl = 3 }, new() { Cpl = 0 });
        Both(Cr4, new() { Cr3 = [R(0x9000, 0x9000)] }, new() { Cr3 = [R(0x9123, 0x9123)] });
        Both(Cr4, new() { Vcpus = [R(1, 1)] }, new() { Vcpus = [R(0, 0)] });
        Both(Lgdt, new() { Descriptor = DescriptorTable.Gdtr }, new() { Descriptor = DescriptorTable.Idtr });
        Both(Lgdt, new() { DescriptorWrite = true }, new() { DescriptorWrite = false });
        Both(EventBody.Trap(14, 2, 0x1000), new() { Vectors = [R(13, 14)] }, new() { Vectors = [R(15, 31)] });
        Both(EventBody.Cpuid(0x4000_0000, 1, 2), new() { Functions = [R(0x4000_0000, 0x4000_00FF)] }, new() { Functions = [R(0, 1)] });
        Both(EventBody.Cpuid(7, 1, 2), new() { Indexes = [R(1, 1)] }, new() { Indexes = [R(0, 0)] });
        Both(EventBody.Singlestep(failed: true), new() { Failed = true }, new() { Failed = false });
        Both(Lgdt, EventFilter.Any, new() { Cr = 4 });
    }

    [Fact]
    public void All_given_parts_must_match()
    {
        Both(Cr4, new() { Cr = 4, Cpl = 3, ClearedBits = 4 }, new() { Cr = 4, Cpl = 0, ClearedBits = 4 });
    }

    [Fact]
    public void The_targets_vcpus_count_too()
    {
        Assert.True(Matches(Cr4, new CompiledFilter(EventFilter.Any, [R(1, 1)])));
        Assert.False(Matches(Cr4, new CompiledFilter(EventFilter.Any, [R(2, 3)])));
    }

    private static ValueRange R(ulong first, ulong last) => new(first, last);

    private static void Both(EventBody body, EventFilter hit, EventFilter miss)
    {
        Assert.True(Matches(body, new CompiledFilter(hit, [])), hit.ToString());
        Assert.False(Matches(body, new CompiledFilter(miss, [])), miss.ToString());
    }

    private static bool Matches(EventBody body, CompiledFilter filter)
    {
        using var bench = new EngineBench();
        bench.State = new VcpuState
        {
            Mode = 8,
            Regs = new KvmRegs { Rip = 0x400 },
            Sregs = new KvmSregs { Cr3 = 0x8000_0000_0000_9123, Ss = new KvmSegment { Dpl = 3 } },
        };
        var frame = bench.Frame(in body, 1);
        var facts = new EventFacts(in frame);
        return filter.Matches(in facts);
    }
}
