using Kvmi.Guest.Memory;
using Kvmi.Guest.Paging;
using Kvmi.Policy.Testing.Guests;

namespace Kvmi.Policy.Testing.Tests.Guests;

public sealed class TestMachineTests
{
    [Theory]
    [InlineData(0xffffffff81005123, 0x1005123)]
    [InlineData(0xffffffffc0000010, 0x40000010)]
    [InlineData(0xffff888000001000, 0x1000)]
    [InlineData(0xffff88ffffffffff, 0x7fffffffff)]
    [InlineData(0x400000, 0x400000)]
    public void Guest_virtual_addresses_translate_as_documented(ulong gva, ulong gpa)
    {
        var vm = new FakeVm();
        TestMachine.MapRoot(vm.Memory, TestMachine.DefaultRoot);
        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(new VmPhysicalMemory(vm), in vm.Vcpu(0).Sregs, gva, out var translated));
        Assert.Equal(gpa, translated);
    }

    [Fact]
    public void Another_root_with_flags_translates_the_same()
    {
        var vm = new FakeVm();
        vm.Vcpu(0).Sregs.Cr3 = 0x8000_0000_0123_4001;
        TestMachine.MapRoot(vm.Memory, vm.Vcpu(0).Sregs.Cr3);
        Assert.Equal(TranslationStatus.Mapped, PageWalker.Translate(new VmPhysicalMemory(vm), in vm.Vcpu(0).Sregs, 0xffffffff81000000, out var gpa));
        Assert.Equal(0x1000000UL, gpa);
    }

    [Theory]
    [InlineData(TestMachine.KernelCode, 0)]
    [InlineData(TestMachine.UserCode, 3)]
    public void The_code_selector_sets_the_privilege_level(ushort selector, int level)
    {
        var state = TestMachine.KernelState();
        TestMachine.SetCodeSelector(ref state, selector);
        Assert.Equal(level, state.Sregs.Ss.Dpl);
        Assert.Equal(selector, state.Sregs.Cs.Selector);
    }
}
