using System.Runtime.InteropServices;

namespace Kvmi.Protocol.Registers;

/// <summary>The general registers, laid out as struct kvm_regs: 144 bytes (kvmi-later-dialects.md 3.8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 144)]
public struct KvmRegs
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 144;

    /// <summary>RAX.</summary>
    public ulong Rax;

    /// <summary>RBX.</summary>
    public ulong Rbx;

    /// <summary>RCX.</summary>
    public ulong Rcx;

    /// <summary>RDX.</summary>
    public ulong Rdx;

    /// <summary>RSI.</summary>
    public ulong Rsi;

    /// <summary>RDI.</summary>
    public ulong Rdi;

    /// <summary>RSP.</summary>
    public ulong Rsp;

    /// <summary>RBP.</summary>
    public ulong Rbp;

    /// <summary>R8.</summary>
    public ulong R8;

    /// <summary>R9.</summary>
    public ulong R9;

    /// <summary>R10.</summary>
    public ulong R10;

    /// <summary>R11.</summary>
    public ulong R11;

    /// <summary>R12.</summary>
    public ulong R12;

    /// <summary>R13.</summary>
    public ulong R13;

    /// <summary>R14.</summary>
    public ulong R14;

    /// <summary>R15.</summary>
    public ulong R15;

    /// <summary>Instruction pointer.</summary>
    public ulong Rip;

    /// <summary>Flags.</summary>
    public ulong Rflags;
}
