namespace Kvmi.Protocol;

/// <summary>Access bits of SET_PAGE_ACCESS and of page-fault events (kvmi-later-dialects.md 3.6).</summary>
[Flags]
public enum PageAccess : byte
{
    /// <summary>Nothing is allowed.</summary>
    None = 0,

    /// <summary>Read.</summary>
    Read = 1,

    /// <summary>Write.</summary>
    Write = 2,

    /// <summary>Execute.</summary>
    Execute = 4,

    /// <summary>Read and write, no execute.</summary>
    ReadWrite = Read | Write,

    /// <summary>Read and execute, no write.</summary>
    ReadExecute = Read | Execute,

    /// <summary>Everything; sent with SET_PAGE_ACCESS it removes the restriction.</summary>
    All = Read | Write | Execute,
}
