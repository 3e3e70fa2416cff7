namespace Kvmi.Policy;

/// <summary>The general registers that a policy may edit, in the order of struct kvm_regs.</summary>
public enum GuestRegister
{
    /// <summary>RAX.</summary>
    Rax,

    /// <summary>RBX.</summary>
    Rbx,

    /// <summary>RCX.</summary>
    Rcx,

    /// <summary>RDX.</summary>
    Rdx,

    /// <summary>RSI.</summary>
    Rsi,

    /// <summary>RDI.</summary>
    Rdi,

    /// <summary>RSP.</summary>
    Rsp,

    /// <summary>RBP.</summary>
    Rbp,

    /// <summary>R8.</summary>
    R8,

    /// <summary>R9.</summary>
    R9,

    /// <summary>R10.</summary>
    R10,

    /// <summary>R11.</summary>
    R11,

    /// <summary>R12.</summary>
    R12,

    /// <summary>R13.</summary>
    R13,

    /// <summary>R14.</summary>
    R14,

    /// <summary>R15.</summary>
    R15,

    /// <summary>Instruction pointer.</summary>
    Rip,

    /// <summary>Flags.</summary>
    Rflags,
}
