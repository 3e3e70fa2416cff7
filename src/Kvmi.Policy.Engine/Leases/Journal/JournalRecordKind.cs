namespace Kvmi.Policy.Engine.Leases.Journal;

/// <summary>What a record of a patch journal says. The numbers are in files.</summary>
internal enum JournalRecordKind
{
    /// <summary>A patch is about to be written.</summary>
    Added = 1,

    /// <summary>Other bytes are about to be written over the same place.</summary>
    Rewritten = 2,

    /// <summary>The bytes before are back.</summary>
    Removed = 3,
}
