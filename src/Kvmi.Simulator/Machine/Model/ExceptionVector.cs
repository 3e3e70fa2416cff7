namespace Kvmi.Simulator.Machine.Model;

/// <summary>Exception vectors (Intel SDM volume 3, table 6-1).</summary>
internal static class ExceptionVector
{
    public const byte DivideError = 0;
    public const byte NonMaskableInterrupt = 2;
    public const byte Breakpoint = 3;
    public const byte InvalidOpcode = 6;
    public const byte DoubleFault = 8;
    public const byte InvalidTss = 10;
    public const byte SegmentNotPresent = 11;
    public const byte StackFault = 12;
    public const byte GeneralProtection = 13;
    public const byte PageFault = 14;
    public const byte AlignmentCheck = 17;
    public const byte Virtualization = 20;
    public const byte ControlProtection = 21;

    public static bool HasErrorCode(byte vector) =>
        vector is DoubleFault or (>= InvalidTss and <= PageFault) or AlignmentCheck or ControlProtection;

    /// <summary>Faults that turn into a double fault when they meet each other (Intel SDM volume 3, table 6-5).</summary>
    public static bool IsContributory(byte vector) =>
        vector is DivideError or (>= InvalidTss and <= GeneralProtection) or ControlProtection;
}
