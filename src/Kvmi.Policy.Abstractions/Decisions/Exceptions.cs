namespace Kvmi.Policy;

/// <summary>The exceptions that policies inject (Intel SDM volume 3, table 6-1).</summary>
public static class Exceptions
{
    /// <summary>#BP, vector 3.</summary>
    public static GuestException Breakpoint => new(3);

    /// <summary>#UD, vector 6.</summary>
    public static GuestException InvalidOpcode => new(6);

    /// <summary>#GP(0), vector 13.</summary>
    public static GuestException GeneralProtection => new(13);

    /// <summary>#PF, vector 14.</summary>
    /// <param name="address">The faulting address, which the guest finds in CR2.</param>
    /// <param name="errorCode">The page-fault error code.</param>
    public static GuestException PageFault(ulong address, uint errorCode) => new(14, errorCode, address);
}
