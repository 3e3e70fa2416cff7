namespace Kvmi.Protocol;

/// <summary>The register of a descriptor event (kvmi-later-dialects.md 3.8, event 13).</summary>
public enum DescriptorTable : byte
{
    /// <summary>Interrupt descriptor table register.</summary>
    Idtr = 1,

    /// <summary>Global descriptor table register.</summary>
    Gdtr = 2,

    /// <summary>Local descriptor table register.</summary>
    Ldtr = 3,

    /// <summary>Task register.</summary>
    Tr = 4,
}
