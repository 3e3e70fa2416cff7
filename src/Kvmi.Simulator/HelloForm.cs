namespace Kvmi.Simulator;

/// <summary>
/// Which hello the device manager sends. The forms are those of the deployed device managers
/// (kvmi-later-dialects.md 1.7 and 2.2).
/// </summary>
public enum HelloForm
{
    /// <summary>96 bytes with name and start time: QEMU 4.2.1 of the kvmi-v7 tree.</summary>
    Base = 0,

    /// <summary>32 bytes: identity without a name, the shortest hello that tools accept.</summary>
    Short = 1,

    /// <summary>104 bytes with the end of guest memory: QEMU of the kvmi-v12 tree.</summary>
    MaxGpa = 2,

    /// <summary>104 bytes and a memory map behind them: QEMU 2.11.93 of the kvmi-v7 tree.</summary>
    E820 = 3,
}
