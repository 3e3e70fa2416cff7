namespace Kvmi.Simulator.Programs;

/// <summary>What one step of a guest program does; the kernel of the guest has one routine for each. Operands are 64-bit words.</summary>
internal enum GuestStep : ulong
{
    End = 0,
    Switches = 1,
    Syscalls = 2,
    LstarHijack = 3,
    ClearCr4 = 4,
    ClearCr0 = 5,
    WxViolation = 6,
    IdtPatch = 7,
    Int3 = 8,
    Hypercall = 9,
    DescriptorLoads = 10,
    WriteMsr = 11,
    UserPayload = 12,
    Xsetbv = 13,
    Cpuid = 14,
    Probe = 15,
    Delay = 16,
    Repeat = 17,
    HotPlug = 18,
    SwitchView = 19,
    GuestRequest32 = 20,
    MapMemory = 21,
    UnmapMemory = 22,
    RepeatedStore = 23,
    RepeatedMove = 24,
    MoveWord = 25,
    Barrier = 26,
    Count = 27,
}
