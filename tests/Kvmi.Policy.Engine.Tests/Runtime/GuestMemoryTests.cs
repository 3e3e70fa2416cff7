using System.Security.Cryptography;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class GuestMemoryTests
{
    [Fact]
    public void Reads_are_bounded_and_never_throw_on_guest_data()
    {
        With(new EngineBench(), (bench, services) =>
        {
            bench.Vm.Put(0x1FFE, [1, 2, 3, 4]);
            Assert.Equal([1, 2, 3, 4], services.Memory.TryReadPhysical(0x1FFE, 4));
            Assert.Empty(services.Memory.TryReadPhysical(0x1FFE, 0)!);
            Assert.Null(services.Memory.TryReadPhysical(ulong.MaxValue, 2));
            Assert.Throws<ArgumentOutOfRangeException>(() => services.Memory.TryReadPhysical(0, 65_537));
            Assert.Throws<ArgumentOutOfRangeException>(() => services.Memory.TryReadPhysical(0, -1));
            bench.Vm.Fail = command => command.StartsWith("read", StringComparison.Ordinal) ? KvmiError.NoEntry : KvmiError.None;
            Assert.Null(services.Memory.TryReadPhysical(0x1000, 4));
            Assert.Equal(PageHash.Unreadable, services.Memory.HashPage(0x1000));
        });
    }

    [Fact]
    public void A_page_hash_is_the_sha256_of_the_whole_page()
    {
        With(new EngineBench(), (bench, services) =>
        {
            bench.Vm.Put(0x1000, [1, 2, 3]);
            var page = new byte[4096];
            page[0] = 1;
            page[1] = 2;
            page[2] = 3;
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(page)), services.Memory.HashPage(0x1ABC).ToString());
        });
    }

    [Fact]
    public void Virtual_reads_use_the_page_tables_of_the_event()
    {
        using var bench = new EngineBench();
        bench.State.Sregs.Cr0 = 1UL << 31;
        bench.State.Sregs.Cr3 = 0x1000;
        bench.State.Sregs.Efer = 1UL << 10;
        bench.Vm.Put(0x1000, [0x03, 0x20]);
        bench.Vm.Put(0x2000, [0x03, 0x30]);
        bench.Vm.Put(0x3000, [0x03, 0x40]);
        bench.Vm.Put(0x4000, [0x03, 0x50]);
        bench.Vm.Put(0x5123, [9, 8, 7]);
        byte[]? read = null;
        byte[]? hole = [];
        ulong gpa = 0;
        bench.Load(Loaded(Define("p", OnCr3), services =>
        {
            PolicyHandler<CrEvent> handler = e =>
            {
                read = services.Memory.TryReadVirtual(e, 0x123, 3);
                hole = services.Memory.TryReadVirtual(e, 0xFFE, 4);
                services.Memory.TryTranslate(e, 0x123, out gpa);
                return Decision.Allow;
            };
            return [handler];
        }));
        bench.Attach().Send(EventBody.Cr(3, 1, 2));

        Assert.Equal([9, 8, 7], read);
        Assert.Null(hole);
        Assert.Equal(0x5123UL, gpa);
    }

    [Fact]
    public void A_write_in_enforce_is_put_back_and_in_audit_never_happens()
    {
        foreach (var mode in Enum.GetValues<PolicyMode>())
        {
            using var bench = new EngineBench();
            bench.Vm.Put(0x1000, [1, 2]);
            bench.Load(Loaded(Define("p", OnCr3) with { Mode = mode }, services =>
            {
                Assert.True(services.Memory.TryWritePhysical(0x1000, [0xCC]));
                return [Cr(() => Decision.Allow)];
            }));
            bench.Attach();
            Assert.Equal(mode == PolicyMode.Audit ? 1 : 0xCC, bench.Vm.Peek(0x1000, 1)[0]);
            bench.Handler.Detaching(DetachReason.Stopping);
            Assert.Equal([1, 2], bench.Vm.Peek(0x1000, 2));
        }
    }

    [Fact]
    public void A_page_wish_without_a_page_fault_subscription_is_a_clear_error()
    {
        With(new EngineBench(), (_, services) =>
            Assert.Contains("pf", Assert.Throws<InvalidOperationException>(() => services.Pages.Set(0x1000, PageAccess.Read)).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Registers_cannot_be_edited_outside_an_event()
    {
        With(new EngineBench(), (_, services) => Assert.Throws<InvalidOperationException>(() => services.Registers.Get(GuestRegister.Rax)));
    }

    private static void With(EngineBench bench, Action<EngineBench, IPolicyServices> check)
    {
        using (bench)
        {
            bench.Load(Loaded(Define("p", OnCr3), services =>
            {
                check(bench, services);
                return [Cr(() => Decision.Allow)];
            }));
            bench.Attach();
            Assert.Empty(bench.Statuses("refused"));
        }
    }
}
