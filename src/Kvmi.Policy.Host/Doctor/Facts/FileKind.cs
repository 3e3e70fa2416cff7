namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>What lies at a path.</summary>
internal enum FileKind
{
    /// <summary>Nothing.</summary>
    Absent,

    /// <summary>A plain file.</summary>
    File,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A Unix socket.</summary>
    Socket,

    /// <summary>A device or anything else.</summary>
    Other,

    /// <summary>This user may not even look.</summary>
    Hidden,
}
