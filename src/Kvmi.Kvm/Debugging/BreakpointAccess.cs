namespace Kvmi.Kvm.Debugging;

/// <summary>What makes a hardware breakpoint stop, as the R/W bits of DR7 number it.</summary>
public enum BreakpointAccess
{
    /// <summary>The instruction at the address is about to run.</summary>
    Execute = 0,

    /// <summary>The bytes are written.</summary>
    Write = 1,

    /// <summary>The bytes are read or written.</summary>
    ReadWrite = 3,
}
