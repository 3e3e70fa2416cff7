namespace Kvmi.Policy.Testing.Traces;

/// <summary>What a trace keeps of the guest memory that policies read and write.</summary>
public enum KeptContents
{
    /// <summary>The bytes, each page or part of one once.</summary>
    All,

    /// <summary>SHA-256 of the bytes, so that equal ones can be told; nothing of pieces under 64 bytes, which could be guessed from it.</summary>
    Hash,

    /// <summary>Only how long they were.</summary>
    Nothing,
}
