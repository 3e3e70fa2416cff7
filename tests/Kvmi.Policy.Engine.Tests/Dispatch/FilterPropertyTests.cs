using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Engine.Tests.Dispatch;

/// <summary>The compiled filter says what a plain reading of the filter's data says, on random filters and events of every kind.</summary>
public sealed class FilterPropertyTests
{
    private const int Cases = 20_000;

    [Fact]
    public void The_compiled_filter_is_the_plain_reading_of_the_filter()
    {
        var hits = 0;
        var misses = 0;
        using var bench = new EngineBench();
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(Cases),
            Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
            {
                var random = new Random(seed);
                var body = Event(random);
                bench.State = new VcpuState
                {
                    Mode = 8,
                    Regs = new KvmRegs { Rip = Small(random) },
                    Sregs = new KvmSregs { Cr3 = Small(random) << 12, Ss = new KvmSegment { Dpl = (byte)random.Next(4) } },
                };
                var vcpu = (ushort)random.Next(4);
                var frame = bench.Frame(in body, vcpu);
                var filter = Filter(random);
                ValueRange[] target = random.Next(4) == 0 ? Ranges(random) : [];
                var expected = Reads(filter, target, in frame);
                var facts = new EventFacts(in frame);
                var actual = new CompiledFilter(filter, target).Matches(in facts);
                Assert.True(expected == actual, $"seed {seed}: {body} against {filter}: plain reading {expected}, compiled {actual}");
                hits += expected ? 1 : 0;
                misses += expected ? 0 : 1;
            }));
        Assert.True(hits > Cases / 20 && misses > Cases / 20, $"{hits} hits, {misses} misses");
    }

    /// <summary>The filter's meaning, part by part, from the event's own accessors: a part that the event has no data for is a miss.</summary>
    private static bool Reads(EventFilter filter, ValueRange[] target, in EventFrame frame)
    {
        var kind = frame.Kind;
        var hasValues = kind is EventKind.Cr or EventKind.Msr || frame.HasXsetbvValues;
        var (old, wanted) = (frame.OldValue, frame.NewValue);
        List<bool> parts =
        [
            filter.Cr is not { } cr || (kind == EventKind.Cr && frame.Cr == cr),
            filter.Msrs.Count == 0 || (kind == EventKind.Msr && In(filter.Msrs, frame.Msr)),
            filter.Xcr is not { } xcr || (frame.HasXsetbvValues && frame.Xcr == xcr),
            filter.ChangedBits is not { } changed || (hasValues && ((old ^ wanted) & changed) != 0),
            filter.ClearedBits is not { } cleared || (hasValues && (old & ~wanted & cleared) != 0),
            filter.SetBits is not { } set || (hasValues && (~old & wanted & set) != 0),
            filter.NewValues.Count == 0 || (hasValues && In(filter.NewValues, wanted)),
            filter.OldValues.Count == 0 || (hasValues && In(filter.OldValues, old)),
            filter.Access is not { } access || (kind == EventKind.PageFault && (frame.Access & access) != 0),
            filter.Gpa.Count == 0 || (kind is EventKind.PageFault or EventKind.Breakpoint && In(filter.Gpa, frame.Gpa)),
            filter.Gva.Count == 0 || (kind == EventKind.PageFault && In(filter.Gva, frame.Gva)),
            filter.Rip.Count == 0 || In(filter.Rip, frame.Regs.Rip),
            filter.Cpl is not { } cpl || frame.Sregs.Ss.Dpl == cpl,
            filter.Cr3.Count == 0 || In(filter.Cr3, frame.Sregs.Cr3),
            filter.Vcpus.Count == 0 || In(filter.Vcpus, frame.Vcpu),
            target.Length == 0 || In(target, frame.Vcpu),
            filter.Descriptor is not { } table || (kind == EventKind.Descriptor && frame.Descriptor == table),
            filter.DescriptorWrite is not { } write || (kind == EventKind.Descriptor && frame.IsDescriptorWrite == write),
            filter.Vectors.Count == 0 || (kind == EventKind.Trap && In(filter.Vectors, frame.Vector)),
            filter.Functions.Count == 0 || (kind == EventKind.Cpuid && In(filter.Functions, frame.CpuidFunction)),
            filter.Indexes.Count == 0 || (kind == EventKind.Cpuid && In(filter.Indexes, frame.CpuidIndex)),
            filter.Failed is not { } failed || (kind == EventKind.Singlestep && frame.SinglestepFailed == failed),
        ];
        return parts.TrueForAll(part => part);
    }

    private static bool In(IEnumerable<ValueRange> ranges, ulong value) => ranges.Any(range => range.First <= value && value <= range.Last);

    private static EventBody Event(Random random) => random.Next(11) switch
    {
        0 => EventBody.Cr((ushort)(random.Next(3) switch { 0 => 0, 1 => 3, _ => 4 }), Small(random), Small(random)),
        1 => EventBody.Msr((uint)Small(random), Small(random), Small(random)),
        2 => EventBody.Xsetbv(0, Small(random), Small(random)),
        3 => EventBody.PageFault(Small(random), Small(random), (PageAccess)random.Next(1, 8)),
        4 => EventBody.Breakpoint(Small(random), 1),
        5 => EventBody.Descriptor((DescriptorTable)random.Next(1, 5), random.Next(2) == 0),
        6 => EventBody.Trap((byte)Small(random), 0, Small(random)),
        7 => EventBody.Cpuid((uint)Small(random), (uint)Small(random), 2),
        8 => EventBody.Singlestep(random.Next(2) == 0),
        9 => EventBody.Plain(EventKind.CreateVcpu),
        _ => EventBody.Plain(EventKind.Hypercall),
    };

    // One or two parts, so that both hits and misses are frequent.
    private static EventFilter Filter(Random random)
    {
        var filter = EventFilter.Any;
        for (var i = random.Next(2); i >= 0; i--)
        {
            filter = random.Next(20) switch
            {
                0 => filter with { Cr = random.Next(2) == 0 ? 3 : 4 },
                1 => filter with { Msrs = Ranges(random) },
                2 => filter with { ChangedBits = Small(random) | 1 },
                3 => filter with { ClearedBits = Small(random) | 1 },
                4 => filter with { SetBits = Small(random) | 1 },
                5 => filter with { NewValues = Ranges(random) },
                6 => filter with { OldValues = Ranges(random) },
                7 => filter with { Access = (PageAccess)random.Next(1, 8) },
                8 => filter with { Gpa = Ranges(random) },
                9 => filter with { Gva = Ranges(random) },
                10 => filter with { Rip = Ranges(random) },
                11 => filter with { Cpl = random.Next(4) },
                12 => filter with { Cr3 = [new ValueRange(Small(random) << 12, 0xF000)] },
                13 => filter with { Vcpus = Ranges(random) },
                14 => filter with { Descriptor = (DescriptorTable)random.Next(1, 5) },
                15 => filter with { DescriptorWrite = random.Next(2) == 0 },
                16 => filter with { Vectors = Ranges(random) },
                17 => filter with { Functions = Ranges(random) },
                18 => filter with { Indexes = Ranges(random), Xcr = random.Next(8) == 0 ? 0 : null },
                _ => filter with { Failed = random.Next(2) == 0 },
            };
        }

        return filter;
    }

    private static ValueRange[] Ranges(Random random)
    {
        var ranges = new ValueRange[random.Next(1, 3)];
        for (var i = 0; i < ranges.Length; i++)
        {
            var first = Small(random);
            ranges[i] = new ValueRange(first, first + (ulong)random.Next(16));
        }

        return ranges;
    }

    private static ulong Small(Random random) => (ulong)random.Next(16);
}
