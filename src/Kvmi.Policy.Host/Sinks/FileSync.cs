namespace Kvmi.Policy.Host.Sinks;

/// <summary>When a file sink asks the disk to have written what it was given.</summary>
internal enum FileSync
{
    /// <summary>When the system likes; a power cut loses the last seconds.</summary>
    Never,

    /// <summary>After every batch: fsync.</summary>
    Always,
}
