namespace Kvmi.Policy.Engine.Code;

/// <summary>The top-level statements of a script, or the constructor or OnAttach of a plugin class, threw.</summary>
public sealed class PolicyInitializationException : Exception
{
    /// <summary>Names the policy, the place and what was thrown.</summary>
    public PolicyInitializationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
