using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Security.Cryptography;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

/// <summary>What is remembered for the length of an event, for whom, and what ends it; and what reads cost in commands.</summary>
public sealed class GuestMemoryCacheTests
{
    private const ulong Text = 0xFFFF_FFFF_8100_0000;
    private static readonly EventBody Write = EventBody.Cr(3, 1, 2);

    [Fact]
    public void Two_policies_that_read_the_same_bytes_in_one_event_ask_for_them_once()
    {
        using var bench = Bench(services => _ => Use(services.Memory.TryReadPhysical(0x1000, 8)), services => _ => Use(services.Memory.TryReadPhysical(0x1010, 8)));
        bench.Send(Write);
        Assert.Equal(["read 0x1000 512"], Reads(bench));
        bench.Send(Write);
        Assert.Equal(["read 0x1000 512", "read 0x1000 512"], Reads(bench));
    }

    [Fact]
    public void Another_event_sees_what_the_guest_has_written_since()
    {
        List<byte> seen = [];
        using var bench = Bench(services => _ => seen.Add(services.Memory.TryReadPhysical(0x1000, 1)![0]));
        bench.Vm.Put(0x1000, [1]);
        bench.Send(Write);
        bench.Vm.Put(0x1000, [2]);
        bench.Send(Write);
        Assert.Equal([1, 2], seen);
    }

    [Fact]
    public void Within_an_event_only_fresh_reads_and_hashes_see_what_another_vcpu_writes()
    {
        List<byte> seen = [];
        PageHash hash = default;
        EngineBench? bench = null;
        using var _ = bench = Bench(services => e =>
        {
            var memory = services.Memory;
            bench!.Vm.Put(0x1000, [1]);
            seen.Add(memory.TryReadPhysical(0x1000, 1)![0]);
            bench.Vm.Put(0x1000, [2]);
            seen.Add(memory.TryReadPhysical(0x1000, 1)![0]);
            seen.Add(memory.Fresh.TryReadPhysical(0x1000, 1)![0]);
            seen.Add(memory.TryReadPhysical(0x1000, 1)![0]);
            bench.Vm.Put(0x1000, [3]);
            hash = memory.HashPage(0x1000);
            seen.Add(memory.TryReadPhysical(0x1000, 1)![0]);
            bench.Vm.Put(0x1000, [4]);
            seen.Add(memory.Fresh.TryReadPhysical([new GuestRange(0x1000, 1)])[0]![0]);
            Assert.Same(memory.Fresh, memory.Fresh.Fresh);
        });
        bench.Send(Write);
        var page = new byte[4096];
        page[0] = 3;
        Assert.Equal([1, 1, 2, 2, 3, 4], seen);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(page)), hash.ToString());
    }

    [Fact]
    public void A_fresh_virtual_read_looks_at_the_page_tables_again()
    {
        List<byte> seen = [];
        EngineBench? bench = null;
        using var _ = bench = Bench(services => e =>
        {
            seen.Add(services.Memory.TryReadVirtual(e, Text, 1)![0]);
            Entry(bench!, 0x5000, 0, 0x9000);
            seen.Add(services.Memory.TryReadVirtual(e, Text, 1)![0]);
            seen.Add(services.Memory.Fresh.TryReadVirtual(e, Text, 1)![0]);
            Entry(bench!, 0x5000, 0, 0x6000);
            services.Memory.Fresh.TryTranslate(e, Text, out var gpa);
            Assert.Equal(0x6000UL, gpa);
        });
        MapText(bench);
        bench.Vm.Put(0x6000, [6]);
        bench.Vm.Put(0x9000, [9]);
        bench.Send(Write);
        Assert.Equal([6, 6, 9], seen);
        Assert.Equal(0, bench.Engine.GetSummary().Policies[0].Errors);
    }

    [Fact]
    public void Own_writes_and_page_rights_are_seen_by_the_next_read()
    {
        List<byte> seen = [];
        EngineBench? bench = null;
        using var engine = bench = new EngineBench();
        bench.Load(Loaded(
            Define("p", On(EventKind.PageFault)) with { Watch = [Watch(0x1000, 0x1FFF, PageAccess.ReadExecute)] },
            services =>
            {
                PolicyHandler<PageFaultEvent> handler = e =>
                {
                    var memory = services.Memory;
                    seen.Add(memory.TryReadPhysical(0x2000, 1)![0]);
                    Assert.True(memory.TryWritePhysical(0x2000, [7]));
                    seen.Add(memory.TryReadPhysical(0x2000, 1)![0]);
                    Assert.True(memory.TryWritePhysical(0x2000, [8]));
                    seen.Add(memory.TryReadPhysical(0x2000, 1)![0]);
                    seen.Add(memory.TryReadPhysical(0x1000, 1)![0]);
                    bench.Vm.Put(0x1000, [5]);
                    services.Pages.Set(0x1000, PageAccess.Read);
                    seen.Add(memory.TryReadPhysical(0x1000, 1)![0]);
                    bench.Vm.Put(0x1000, [6]);
                    services.Pages.Release(0x1000);
                    seen.Add(memory.TryReadPhysical(0x1000, 1)![0]);
                    return Decision.Retry;
                };
                return [handler];
            }));
        bench.Attach();
        bench.SendPageFault(0x1000, PageAccess.Write);
        Assert.Equal([0, 7, 8, 0, 5, 6], seen);
    }

    [Fact]
    public void Outside_of_events_and_with_the_cache_off_every_call_asks()
    {
        foreach (var pages in new[] { 0, 32 })
        {
            using var bench = new EngineBench(memoryCachePages: pages);
            bench.Load(Loaded(Define("p", OnCr3), services =>
            {
                services.Memory.TryReadPhysical(0x1000, 8);
                services.Memory.TryReadPhysical(0x1000, 8);
                return [Cr(() =>
                {
                    services.Memory.TryReadPhysical(0x1000, 8);
                    services.Memory.TryReadPhysical(0x1000, 8);
                    return Decision.Allow;
                })];
            }));
            bench.Attach();
            Assert.Equal(2, Reads(bench).Length);
            bench.Send(Write);
            Assert.Equal(pages == 0 ? 4 : 3, Reads(bench).Length);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new EngineBench(memoryCachePages: 7));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EngineBench(memoryCachePages: 1025));
    }

    [Theory]
    [InlineData(false, 0, 10, 10)]
    [InlineData(false, 32, 6, 6)]
    [InlineData(true, 0, 6, 5)]
    [InlineData(true, 32, 6, 5)]
    public void The_two_reads_of_the_lstar_sample_cost(bool together, int pages, int commands, int roundTrips)
    {
        byte[]?[] read = [];
        using var bench = Bench(pages, services => e => read = together
            ? services.Memory.TryReadVirtual(e, [new(Text + 0x40, 64), new(Text + 0x1040, 64)])
            : [services.Memory.TryReadVirtual(e, Text + 0x40, 64), services.Memory.TryReadVirtual(e, Text + 0x1040, 64)]);
        MapText(bench);
        bench.Vm.Put(0x6040, [1]);
        bench.Vm.Put(0x7040, [2]);
        bench.Send(Write);
        Assert.Equal([1, 2], read.Select(bytes => bytes![0]));
        Assert.Equal(commands, Reads(bench).Length);
        Assert.Equal(roundTrips, bench.Vm.Exchanges);
    }

    [Fact]
    public void A_second_policy_that_reads_the_same_code_costs_nothing()
    {
        using var bench = Bench(
            services => e => Use(services.Memory.TryReadVirtual(e, [new(Text, 64), new(Text + 0x1000, 64)])),
            services => e => Use(services.Memory.TryReadVirtual(e, Text + 0x20, 16)),
            services => e => Assert.True(services.Memory.TryTranslate(e, Text + 0x1FFF, out _)));
        MapText(bench);
        bench.Send(Write);
        Assert.Equal(6, Reads(bench).Length);
        Assert.All(bench.Engine.GetSummary().Policies, policy => Assert.Equal(0, policy.Errors));
    }

    [Fact]
    public void Many_ranges_have_their_own_results()
    {
        byte[]?[] read = [];
        byte[]?[] physical = [];
        var found = new bool[3];
        var buffer = new byte[6];
        ulong[] gpas = [1, 1];
        using var bench = Bench(services => e =>
        {
            read = services.Memory.TryReadVirtual(e, [new(Text, 1), new(0x1000, 1), new(Text + 0xFFF, 2), new(Text, 0)]);
            physical = services.Memory.TryReadPhysical([new(0x6000, 1), new(ulong.MaxValue, 2), new(0x7000, 1)]);
            buffer.AsSpan().Fill(0xAA);
            Assert.False(services.Memory.TryReadPhysical([new GuestRange(0x6000, 1), new(ulong.MaxValue, 2), new(0x7000, 1)], buffer, found));
            Assert.False(services.Memory.TryTranslate(e, [Text + 1, 0x1000], gpas, new bool[2]));
        });
        MapText(bench);
        bench.Vm.Put(0x6000, [1]);
        bench.Vm.Put(0x6FFF, [2, 3]);
        bench.Send(Write);
        Assert.Equal([[1], null, [2, 3], []], read);
        Assert.Equal([[1], null, [3]], physical);
        Assert.Equal([true, false, true], found);
        Assert.Equal([1, 0, 0, 3, 0xAA, 0xAA], buffer);
        Assert.Equal([0x6001UL, 0], gpas);
        Assert.Equal(0, bench.Engine.GetSummary().Policies[0].Errors);
    }

    [Fact]
    public void What_a_policy_may_ask_in_one_call_is_bounded()
    {
        using var bench = Bench(services => e =>
        {
            var memory = services.Memory;
            Throws<ArgumentOutOfRangeException>(() => memory.TryReadPhysical(new GuestRange[65]));
            Throws<ArgumentOutOfRangeException>(() => memory.TryReadPhysical([new(0, -1)]));
            Throws<ArgumentOutOfRangeException>(() => memory.TryReadPhysical([new(0, 65_536), new(0, 1)]));
            Throws<ArgumentOutOfRangeException>(() => memory.TryReadPhysical([new(0, int.MaxValue), new(0, int.MaxValue)]));
            Throws<ArgumentException>(() => memory.TryReadPhysical([new(0, 2)], new byte[1], new bool[1]));
            Throws<ArgumentException>(() => memory.TryReadPhysical([new(0, 2)], new byte[2], []));
            Throws<ArgumentNullException>(() => memory.TryReadPhysical(null!));
            var refused = 0;
            try
            {
                memory.TryTranslate(e, new ulong[65], new ulong[65], new bool[65]);
            }
            catch (ArgumentOutOfRangeException)
            {
                refused++;
            }

            try
            {
                memory.TryTranslate(e, [1], [], new bool[1]);
            }
            catch (ArgumentException)
            {
                refused++;
            }

            Assert.Equal(2, refused);
            Assert.Equal(64, memory.TryReadPhysical(new GuestRange[64]).Length);
        });
        bench.Send(Write);
        Assert.Equal(0, bench.Engine.GetSummary().Policies[0].Errors);
    }

    [Fact]
    public void A_vm_that_does_not_allow_reads_gives_nothing_and_gets_no_command()
    {
        byte[]?[] read = [[]];
        var vm = new FakeVm();
        vm.Capabilities = vm.Capabilities with { Commands = vm.Capabilities.Commands.Where(kind => kind != CommandKind.ReadPhysical).ToFrozenSet() };
        using var bench = new EngineBench(vm);
        bench.Load(Loaded(Define("p", OnCr3), services =>
        {
            PolicyHandler<CrEvent> handler = e =>
            {
                read = services.Memory.TryReadVirtual(e, [new(Text, 1), new(Text, 0)]);
                return Decision.Allow;
            };
            return [handler];
        }));
        MapText(bench);
        bench.Attach().Send(Write);
        Assert.Equal([null, []], read);
        Assert.Empty(Reads(bench));
    }

    [Fact]
    public void Reads_into_buffers_allocate_nothing()
    {
        using var bench = Bench(services =>
        {
            var buffer = new byte[8192];
            var found = new bool[3];
            var gpas = new ulong[2];
            return e =>
            {
                var memory = services.Memory;
                memory.TryReadPhysical(0x6000, buffer.AsSpan(0, 64));
                memory.TryReadPhysical([new GuestRange(0x6000, 64), new(0x7FFF, 2), new(0x1_0000, 4096)], buffer, found);
                memory.TryReadVirtual(e, Text + 0xFFF, buffer.AsSpan(0, 2));
                memory.TryReadVirtual(e, [new GuestRange(Text, 64), new(Text + 0x1800, 64), new(0x1000, 8)], buffer, found);
                memory.TryTranslate(e, [Text, Text + 0x1000], gpas, found);
                memory.Fresh.TryReadVirtual(e, Text, buffer.AsSpan(0, 8));
            };
        });
        MapText(bench);
        bench.Vm.Recording = false;
        AllocationTests.AssertNoAllocation(bench, Write);
        Assert.Equal(0, bench.Engine.GetSummary().Policies[0].Errors);
    }

    [Fact]
    public void A_script_reads_many_ranges_with_what_scripts_may_use()
    {
        const string Script = """
            Decision OnCr(CrEvent e)
            {
                var code = Memory.TryReadVirtual(e, [new(e.Rip, 4), new(e.New, 4)]);
                Span<GuestRange> ranges = stackalloc GuestRange[2];
                ranges[0] = new(0x6000, 1);
                ranges[1] = new(e.New, 1);
                Span<byte> bytes = stackalloc byte[2];
                Span<bool> found = stackalloc bool[2];
                var all = Memory.Fresh.TryReadPhysical(ranges, bytes, found);
                return code[0] is { Length: 4 } && code[1] is null && all && bytes[0] == 6 ? Set(0x77) : Allow;
            }
            """;
        using var bench = new EngineBench();
        var result = Scripting.Policies.Build(Scripting.Policies.Inline("p", Script, On(EventKind.Cr) with { Handler = "OnCr" }) with { Mode = PolicyMode.Enforce });
        Assert.Empty(result.Findings);
        bench.Engine.Swap(result.Generation!);
        bench.Attach();
        MapText(bench);
        bench.Vm.Put(0x6000, [6]);
        Assert.NotEqual(bench.Untouched(Write), bench.Send(Write));
        Assert.Equal(0, bench.Engine.GetSummary().Policies[0].Errors);
    }

    private static EngineBench Bench(params Func<IPolicyServices, Action<CrEvent>>[] policies) => Bench(32, policies);

    private static EngineBench Bench(int pages, params Func<IPolicyServices, Action<CrEvent>>[] policies)
    {
        var bench = new EngineBench(memoryCachePages: pages);
        bench.Load([.. policies.Select((create, i) => Loaded(Define($"p{i}", OnCr3), services =>
        {
            var act = create(services);
            PolicyHandler<CrEvent> handler = e =>
            {
                act(e);
                return Decision.Allow;
            };
            return [handler];
        }))]);
        return bench.Attach();
    }

    /// <summary>Four levels of tables at 0x2000, 0x3000, 0x4000 and 0x5000 that map two pages of kernel text at 0x6000.</summary>
    private static void MapText(EngineBench bench)
    {
        bench.State.Sregs.Cr0 = 1UL << 31;
        bench.State.Sregs.Cr3 = 0x2000;
        bench.State.Sregs.Efer = 1UL << 10;
        Entry(bench, 0x2000, 511, 0x3000);
        Entry(bench, 0x3000, 510, 0x4000);
        Entry(bench, 0x4000, 8, 0x5000);
        Entry(bench, 0x5000, 0, 0x6000);
        Entry(bench, 0x5000, 1, 0x7000);
    }

    private static void Entry(EngineBench bench, ulong table, ulong index, ulong frame)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, frame | 3);
        bench.Vm.Put(table + (index * 8), bytes);
    }

    private static string[] Reads(EngineBench bench) => [.. bench.Vm.Commands.Where(command => command.StartsWith("read", StringComparison.Ordinal))];

    private static void Use(object? read) => Assert.NotNull(read);

    private static void Throws<T>(Action action)
        where T : Exception => Assert.Throws<T>(action);
}
