namespace Kvmi.Protocol.Dialects;

/// <summary>A command or an event was asked for that the dialect of this peer does not have.</summary>
public sealed class CommandNotInDialectException : NotSupportedException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="dialect">The dialect that lacks it.</param>
    /// <param name="dialectName">Its name on the command line.</param>
    /// <param name="command">What it lacks.</param>
    public CommandNotInDialectException(KvmiDialect dialect, string dialectName, CommandKind command)
        : base($"The {dialectName} dialect has no {command} command.")
    {
        Dialect = dialect;
        Command = command;
    }

    /// <summary>The dialect that lacks it.</summary>
    public KvmiDialect Dialect { get; }

    /// <summary>What it lacks.</summary>
    public CommandKind Command { get; }
}
