using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Layouts;

/// <summary>The machine state, the same in every dialect (kvmi-later-dialects.md 3.8, "kvm_regs" and after).</summary>
internal static class MachineLayouts
{
    public static FieldLayout Regs { get; } = Structure(
        "regs",
        [.. "rax rbx rcx rdx rsi rdi rsp rbp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags".Split(' ').Select(U64)]);

    public static FieldLayout Sregs { get; } = Structure(
        "sregs",
        [
            .. "cs ds es fs gs ss tr ldt".Split(' ').Select(Segment),
            Table("gdt"),
            Table("idt"),
            .. "cr0 cr2 cr3 cr4 cr8 efer apic_base".Split(' ').Select(U64),
            Bytes("interrupt_bitmap", 32),
        ]);

    public static FieldLayout EventMsrs { get; } = Structure(
        "msrs",
        [.. "sysenter_cs sysenter_esp sysenter_eip efer star lstar cstar pat shadow_gs".Split(' ').Select(U64)]);

    private static FieldLayout Segment(string name) => Structure(
        name,
        [
            U64("base"), U32("limit"), U16("selector"),
            .. "type present dpl db s l g avl unusable".Split(' ').Select(U8),
            Pad(1),
        ]);

    private static FieldLayout Table(string name) => Structure(name, U64("base"), U16("limit"), Pad(6));
}
