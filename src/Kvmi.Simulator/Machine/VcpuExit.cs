using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine;

/// <summary>Why <see cref="IVcpu.Run"/> came back, with the facts. Fields that a kind does not name are zero.</summary>
public readonly struct VcpuExit
{
    /// <summary>The kind; it says which fields count.</summary>
    public required VcpuExitKind Kind { get; init; }

    /// <summary>Number of the control register, MSR or extended control register.</summary>
    public uint Number { get; init; }

    /// <summary>Value now in the register.</summary>
    public ulong OldValue { get; init; }

    /// <summary>Value that the guest writes.</summary>
    public ulong NewValue { get; init; }

    /// <summary>Guest-virtual address; all ones if the access was part of a page walk.</summary>
    public ulong Gva { get; init; }

    /// <summary>Guest-physical address.</summary>
    public ulong Gpa { get; init; }

    /// <summary>The access that was tried.</summary>
    public PageAccess Access { get; init; }

    /// <summary>Length of the intercepted instruction in bytes.</summary>
    public byte Length { get; init; }

    /// <summary>Which descriptor-table register.</summary>
    public DescriptorTable Table { get; init; }

    /// <summary>True when the descriptor-table register is written.</summary>
    public bool IsWrite { get; init; }

    /// <summary>CPUID function (EAX).</summary>
    public uint Function { get; init; }

    /// <summary>CPUID index (ECX).</summary>
    public uint Index { get; init; }

    /// <summary>Exception vector.</summary>
    public byte Vector { get; init; }

    /// <summary>Error code of the exception; 0 if it has none.</summary>
    public uint ErrorCode { get; init; }

    /// <summary>CR2 of a page fault.</summary>
    public ulong Address { get; init; }

    /// <summary>True when the exception is the one that was asked for, false when another one displaced it.</summary>
    public bool WasInjected { get; init; }
}
