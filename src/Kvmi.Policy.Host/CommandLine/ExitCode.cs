namespace Kvmi.Policy.Host.CommandLine;

/// <summary>What the process returns; scripts rely on the numbers.</summary>
internal static class ExitCode
{
    /// <summary>Everything as asked.</summary>
    public const int Fine = 0;

    /// <summary>Findings, a failed test, an unreadable message, or a run that did not end as written.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The machine is not ready: a path in use, a missing directory, no permission.</summary>
    public const int Environment = 3;
}
