using Kvmi.Policy.Testing.Guests;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Testing.Tests.Guests;

public sealed class FakeVmTests
{
    [Fact]
    public void Memory_exists_where_it_was_written_and_crosses_pages()
    {
        var vm = new FakeVm();
        vm.Memory.Write(0xffe, [1, 2, 3, 4]);
        var read = new byte[4];
        Assert.Equal(KvmiError.None, vm.ReadPhysical(0xffe, read));
        Assert.Equal([1, 2, 3, 4], read);
        Assert.Equal(KvmiError.NoEntry, vm.ReadPhysical(0x1ffe, read));
    }

    [Fact]
    public void Page_access_is_remembered_and_lifted()
    {
        var vm = new FakeVm();
        vm.SetPageAccess([new PageAccessEntry(0x1234, PageAccess.ReadExecute)]);
        Assert.Equal(PageAccess.ReadExecute, vm.AccessOf(0x1fff));
        Assert.Equal(PageAccess.All, vm.AccessOf(0x2000));
        vm.SetPageAccess([new PageAccessEntry(0x1000, PageAccess.All)]);
        Assert.Empty(vm.RestrictedPages);
    }

    [Fact]
    public void Commands_fail_when_told_to_and_for_vcpus_that_do_not_exist()
    {
        var vm = new FakeVm(vcpuCount: 1);
        Assert.Equal(KvmiError.InvalidArgument, vm.ControlCr(1, 3, true));
        vm.Fail(CommandKind.ControlCr, KvmiError.NotPermitted);
        Assert.Equal(KvmiError.NotPermitted, vm.ControlCr(0, 3, true));
        vm.Fail(CommandKind.ControlCr, KvmiError.None);
        Assert.Equal(KvmiError.None, vm.ControlCr(0, 3, true));
        Assert.Equal("control-cr vcpu=0 cr=3 on", vm.Commands[^1]);
    }

    [Fact]
    public void Registers_and_msrs_are_those_of_the_vcpu()
    {
        var vm = new FakeVm();
        vm.Vcpu(1).Msrs.Lstar = 0x1234;
        Span<MsrEntry> msrs = [new MsrEntry(0xc000_0082, 0)];
        Assert.Equal(KvmiError.None, vm.GetRegisters(1, out _, msrs));
        Assert.Equal(0x1234UL, msrs[0].Value);
        var regs = vm.Vcpu(1).Regs;
        regs.Rax = 7;
        Assert.Equal(KvmiError.None, vm.SetRegisters(1, in regs));
        Assert.Equal(7UL, vm.Vcpu(1).Regs.Rax);
    }

    [Fact]
    public void Injected_exceptions_are_kept()
    {
        var vm = new FakeVm();
        vm.InjectException(0, 14, 2, 0x1000);
        Assert.Equal((0, new GuestException(14, 2, 0x1000)), Assert.Single(vm.Injected));
    }
}
