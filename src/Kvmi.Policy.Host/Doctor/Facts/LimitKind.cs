namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>Resource limits, by the numbers of getrlimit(2) on x86-64.</summary>
internal enum LimitKind
{
    /// <summary>RLIMIT_NOFILE: open files.</summary>
    OpenFiles = 7,

    /// <summary>RLIMIT_MEMLOCK: bytes of locked memory.</summary>
    LockedMemory = 8,

    /// <summary>RLIMIT_RTPRIO: highest real-time priority.</summary>
    RealTimePriority = 14,
}
