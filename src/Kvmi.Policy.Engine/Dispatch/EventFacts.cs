using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Dispatch;

/// <summary>What filters, votes and output need of one event, read from the message once.</summary>
internal readonly struct EventFacts
{
    /// <summary>CR3 without PCID, flags and the bits above the physical address width.</summary>
    private const ulong RootMask = 0x000F_FFFF_FFFF_F000;

    public EventFacts(in EventFrame frame)
    {
        Kind = frame.Kind;
        Vcpu = frame.Vcpu;
        Mode = frame.Mode;
        Rip = frame.Regs.Rip;
        Cpl = (byte)(frame.Sregs.Ss.Dpl & 3);
        Root = frame.Sregs.Cr3 & RootMask;
        switch (Kind)
        {
            case EventKind.Cr:
                Number = frame.Cr;
                Old = frame.OldValue;
                New = frame.NewValue;
                break;
            case EventKind.Msr:
                Number = frame.Msr;
                Old = frame.OldValue;
                New = frame.NewValue;
                break;
            case EventKind.PageFault:
                Gva = frame.Gva;
                Gpa = frame.Gpa;
                Access = frame.Access;
                break;
            case EventKind.Breakpoint:
                Gpa = frame.Gpa;
                InstructionLength = frame.InstructionLength;
                break;
            case EventKind.Xsetbv:
                Number = frame.Xcr;
                Old = frame.OldValue;
                New = frame.NewValue;
                HasXsetbvValues = frame.HasXsetbvValues;
                break;
            case EventKind.Trap:
                Number = frame.Vector;
                Detail = frame.ErrorCode;
                Address = frame.TrapAddress;
                break;
            case EventKind.Cpuid:
                Number = frame.CpuidFunction;
                Detail = frame.CpuidIndex;
                InstructionLength = frame.InstructionLength;
                break;
            case EventKind.Singlestep:
                Failed = frame.SinglestepFailed;
                break;
            case EventKind.Descriptor:
                Descriptor = frame.Descriptor;
                DescriptorWrite = frame.IsDescriptorWrite;
                break;
            default:
                break;
        }
    }

    public readonly EventKind Kind { get; }

    public readonly ushort Vcpu { get; }

    public readonly byte Mode { get; }

    public readonly byte Cpl { get; }

    public readonly ulong Rip { get; }

    public readonly ulong Root { get; }

    /// <summary>Number of the CR, MSR or XCR; vector of a trap; CPUID leaf.</summary>
    public readonly uint Number { get; }

    /// <summary>Error code of a trap; CPUID sub-leaf.</summary>
    public readonly uint Detail { get; }

    /// <summary>CR2 of a trap.</summary>
    public readonly ulong Address { get; }

    /// <summary>A single-step event that says that stepping is impossible.</summary>
    public readonly bool Failed { get; }

    /// <summary>An XSETBV event of a dialect that tells register and values.</summary>
    public readonly bool HasXsetbvValues { get; }

    public readonly ulong Old { get; }

    public readonly ulong New { get; }

    public readonly ulong Gva { get; }

    public readonly ulong Gpa { get; }

    public readonly PageAccess Access { get; }

    public readonly byte InstructionLength { get; }

    public readonly DescriptorTable Descriptor { get; }

    public readonly bool DescriptorWrite { get; }

    public bool IsRegister => Kind is EventKind.Cr or EventKind.Msr;
}
