namespace Kvmi.Policy.Engine.Reload;

/// <summary>Reads and validates the policy files.</summary>
public interface IPolicySource
{
    /// <summary>Reads everything anew. Called on the reloader's thread, one call at a time.</summary>
    PolicySourceSnapshot Read();
}
