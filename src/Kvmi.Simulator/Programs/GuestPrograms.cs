namespace Kvmi.Simulator.Programs;

/// <summary>The building blocks by the names that scenario files use.</summary>
public static class GuestPrograms
{
    private static readonly Dictionary<string, Action<VcpuProgramBuilder, int>> Blocks = new(StringComparer.Ordinal)
    {
        ["boot"] = (_, _) => { },
        ["process-switches"] = (program, count) => program.ProcessSwitches(count),
        ["syscalls"] = (program, count) => program.Syscalls(count),
        ["lstar-hijack"] = (program, _) => program.LstarHijack(),
        ["smep-clear"] = (program, _) => program.SmepClear(),
        ["smap-clear"] = (program, _) => program.SmapClear(),
        ["umip-clear"] = (program, _) => program.UmipClear(),
        ["wp-clear"] = (program, _) => program.WriteProtectClear(),
        ["wx-violation"] = (program, _) => program.WxViolation(),
        ["ret2usr"] = (program, _) => program.ReturnToUser(),
        ["idt-patch"] = (program, _) => program.IdtPatch(),
        ["int3"] = (program, count) => program.Int3(count),
        ["hypercall"] = (program, count) => program.Hypercall((ulong)count),
        ["descriptor-loads"] = (program, _) => program.DescriptorLoads(),
        ["xsetbv"] = (program, _) => program.Xsetbv(3),
        ["cpuid"] = (program, count) => program.Cpuid((uint)count),
        ["probe"] = (program, _) => program.CallProbe(),
        ["delay"] = (program, count) => program.Delay(count),
    };

    /// <summary>All names, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Blocks.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Adds a block to a vCPU's program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="count">How often, for the blocks that count; the hypercall's argument; the CPUID function. Not negative.</param>
    /// <returns>False when there is no block of this name.</returns>
    public static bool TryAdd(VcpuProgramBuilder program, string name, int count = 1)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!Blocks.TryGetValue(name, out var add)) return false;
        add(program, count);
        return true;
    }

    /// <summary>
    /// The default guest: process switches with system calls on every vCPU; then vCPU 0 hijacks LSTAR, runs freshly written kernel code and
    /// clears SMEP, and all go on switching.
    /// </summary>
    /// <param name="vcpuCount">1 to <see cref="GuestLayout.MaxVcpus"/>.</param>
    public static GuestProgramBuilder Default(int vcpuCount = 2)
    {
        var guest = new GuestProgramBuilder(vcpuCount).OnEach(program => program.ProcessSwitches(12));
        guest[0].LstarHijack().Syscalls(3).WxViolation().SmepClear();
        return guest.OnEach(program => program.ProcessSwitches(12));
    }
}
