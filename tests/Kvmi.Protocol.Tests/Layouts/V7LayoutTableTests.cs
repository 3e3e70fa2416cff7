using Kvmi.Protocol.Layouts;
using static Kvmi.Protocol.Tests.Layouts.LayoutText;

namespace Kvmi.Protocol.Tests.Layouts;

/// <summary>The v7 table against kvmi-later-dialects.md 4.2 and 4.3, offset by offset ("name@offset:bytes", payload offsets).</summary>
public sealed class V7LayoutTableTests
{
    private static readonly DialectLayouts Table = DialectLayouts.Get(KvmiDialect.V7);

    [Theory]
    [InlineData(2, "GET_VERSION", "", "version@0:4 features@8:8")]
    [InlineData(3, "CHECK_COMMAND", "id@0:2 8", "")]
    [InlineData(4, "CHECK_EVENT", "id@0:2 8", "")]
    [InlineData(5, "GET_GUEST_INFO", "", "vcpu_count@0:4 16")]
    [InlineData(6, "GET_VCPU_INFO", "vcpu@0:2 8", "tsc_speed@0:8")]
    [InlineData(7, "PAUSE_VCPU", "vcpu@0:2 wait@8:1 16", "")]
    [InlineData(8, "CONTROL_VM_EVENTS", "event@0:2 enable@2:1 8", "")]
    [InlineData(9, "CONTROL_EVENTS", "vcpu@0:2 event@8:2 enable@10:1 16", "")]
    [InlineData(10, "CONTROL_CR", "vcpu@0:2 enable@8:1 cr@12:4", "")]
    [InlineData(11, "CONTROL_MSR", "vcpu@0:2 enable@8:1 msr@12:4", "")]
    [InlineData(12, "CONTROL_VE", "", "")]
    [InlineData(13, "GET_REGISTERS", "vcpu@0:2 nmsrs@8:2 idx@16[4]", "mode@0:4 regs@8:144 sregs@152:312 nmsrs@464:4 msrs@472[16]")]
    [InlineData(14, "SET_REGISTERS", "vcpu@0:2 regs@8:144", "")]
    [InlineData(15, "GET_CPUID", "vcpu@0:2 function@8:4 index@12:4", "eax@0:4 ebx@4:4 ecx@8:4 edx@12:4")]
    [InlineData(16, "GET_XSAVE", "vcpu@0:2 8", "area@0*")]
    [InlineData(17, "READ_PHYSICAL", "gpa@0:8 size@8:8", "data@0*")]
    [InlineData(18, "WRITE_PHYSICAL", "gpa@0:8 size@8:8 data@16*", "")]
    [InlineData(19, "INJECT_EXCEPTION", "vcpu@0:2 nr@8:1 error_code@12:4 address@16:8", "")]
    [InlineData(21, "SET_PAGE_ACCESS", "view@0:2 count@2:2 entries@8[16]", "")]
    [InlineData(22, "GET_MAP_TOKEN", "", "token0@0:8 token1@8:8 token2@16:8 token3@24:8")]
    [InlineData(23, "GET_MTRR_TYPE", "vcpu@0:2 gpa@8:8", "type@0:1 8")]
    [InlineData(24, "CONTROL_SPP", "enable@0:1 8", "")]
    [InlineData(26, "SET_PAGE_WRITE_BITMAP", "view@0:2 count@2:2 entries@8[16]", "")]
    [InlineData(27, "CONTROL_CMD_RESPONSE", "enable@0:1 now@1:1 flags@2:1 8", "")]
    [InlineData(28, "SET_VE_INFO_PAGE", "vcpu@0:2 gpa@8:8 trigger_vmexit@16:1 24", "")]
    [InlineData(29, "GET_MAX_GFN", "", "gfn@0:8")]
    [InlineData(30, "SET_PAGE_SVE", "view@0:2 sve@2:1 gpa@8:8", "")]
    [InlineData(31, "GET_NEXT_AVAILABLE_GFN", "", "gfn@0:8")]
    [InlineData(32, "SWITCH_EPT_VIEW", "vcpu@0:2 view@8:2 16", "")]
    [InlineData(33, "DISABLE_VE", "vcpu@0:2 8", "")]
    [InlineData(34, "GET_EPT_VIEW", "vcpu@0:2 8", "view@0:2 8")]
    [InlineData(35, "TRANSLATE_GVA", "vcpu@0:2 gva@8:8", "gpa@0:8")]
    [InlineData(36, "CONTROL_EPT_VIEW", "vcpu@0:2 view@8:2 visible@10:1 16", "")]
    [InlineData(37, "GET_XCR", "vcpu@0:2 xcr@8:1 16", "value@0:8")]
    [InlineData(38, "SET_XSAVE", "vcpu@0:2 area@8*", "")]
    [InlineData(39, "QUERY_PHYSICAL", "gfn@0:8", "gfn@0:8 size@8:8")]
    [InlineData(41, "ALLOC_GFN", "vcpu@0:2 gfn@8:8", "")]
    [InlineData(42, "FREE_GFN", "vcpu@0:2 gfn@8:8", "")]
    [InlineData(43, "CREATE_EPT_VIEW", "", "view@0:2 8")]
    [InlineData(44, "DESTROY_EPT_VIEW", "view@0:2 8", "")]
    [InlineData(60, "CHANGE_GFN", "vcpu@0:2 view@8:2 old@16:8 new@24:8", "")]
    [InlineData(63, "CONTROL_SINGLESTEP", "vcpu@0:2 enable@8:1 16", "")]
    public void Commands(int id, string name, string request, string reply)
    {
        var command = Table.Command((ushort)id)!;
        Assert.Equal(name, command.Name);
        Assert.Equal(request, Render(command.Request));
        Assert.Equal(reply, Render(command.Reply));
    }

    [Theory]
    [InlineData(0, "UNHOOK", "", "")]
    [InlineData(1, "CR", "cr@0:2 old@8:8 new@16:8", "new_val@0:8")]
    [InlineData(2, "MSR", "msr@0:4 old@8:8 new@16:8", "new_val@0:8")]
    [InlineData(3, "XSETBV", "", "")]
    [InlineData(4, "BREAKPOINT", "gpa@0:8 insn_len@8:1 16", "")]
    [InlineData(5, "HYPERCALL", "", "")]
    [InlineData(6, "PF", "gva@0:8 gpa@8:8 access@16:1 pf_view@18:2 24", "ctx_addr@0:8 ctx_size@8:4 rep_complete@13:1 ctx@16:256")]
    [InlineData(7, "TRAP", "vector@0:1 error_code@4:4 cr2@8:8", "")]
    [InlineData(8, "DESCRIPTOR", "descriptor@0:1 write@1:1 8", "")]
    [InlineData(9, "CREATE_VCPU", "", "")]
    [InlineData(10, "PAUSE_VCPU", "", "")]
    [InlineData(11, "SINGLESTEP", "failed@0:1 8", "")]
    [InlineData(12, "CMD_ERROR", "err@0:4 msg_seq@4:4 msg_id@8:2 16", "")]
    [InlineData(13, "CPUID", "function@0:4 index@4:4 insn_len@8:1 16", "")]
    public void Events(int id, string name, string data, string reply)
    {
        var entry = Table.Event((ulong)id)!;
        Assert.Equal(name, entry.Name);
        Assert.Equal(data, Render(entry.Data));
        Assert.Equal(reply, Render(entry.ReplyExtra));
    }

    [Fact]
    public void Bases_and_machine_state()
    {
        var shape = Assert.Single(Table.Shapes);
        Assert.Equal("size@0:2 vcpu@2:2 event@4:1 mode@8:1 view@10:2 regs@16:144 sregs@160:312 msrs@472:72", Render(shape.Base));
        Assert.Equal((1, 0), (shape.MessageId, Table.EventReplyId));
        Assert.Equal("vcpu@0:2 action@8:1 event@9:1 16", Render(Table.EventReplyBase));
        Assert.Equal(
            "cs@0:24 ds@24:24 es@48:24 fs@72:24 gs@96:24 ss@120:24 tr@144:24 ldt@168:24 gdt@192:16 idt@208:16 cr0@224:8 cr2@232:8 cr3@240:8 cr4@248:8 "
            + "cr8@256:8 efer@264:8 apic_base@272:8 interrupt_bitmap@280:32",
            Render(MachineLayouts.Sregs.Nested!));
        Assert.StartsWith("rax@0:8 rbx@8:8 rcx@16:8 rdx@24:8 rsi@32:8 rdi@40:8 rsp@48:8 rbp@56:8 r8@64:8", Render(MachineLayouts.Regs.Nested!), StringComparison.Ordinal);
        Assert.EndsWith("rip@128:8 rflags@136:8", Render(MachineLayouts.Regs.Nested!), StringComparison.Ordinal);
        Assert.Equal(
            "base@0:8 limit@8:4 selector@12:2 type@14:1 present@15:1 dpl@16:1 db@17:1 s@18:1 l@19:1 g@20:1 avl@21:1 unusable@22:1 24",
            Render(MachineLayouts.Sregs.Nested![0].Nested!));
        Assert.Equal(
            "sysenter_cs@0:8 sysenter_esp@8:8 sysenter_eip@16:8 efer@24:8 star@32:8 lstar@40:8 cstar@48:8 pat@56:8 shadow_gs@64:8",
            Render(MachineLayouts.EventMsrs.Nested!));
    }
}
