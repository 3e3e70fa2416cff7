namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>A run of a script has used up its budget. Catching it helps nothing: every further loop and call throws it again.</summary>
public sealed class ScriptLimitException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">Which limit, with its number.</param>
    public ScriptLimitException(string message)
        : base(message)
    {
    }
}
