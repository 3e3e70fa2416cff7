namespace Kvmi.Policy.Engine.Code;

/// <summary>The loaded code of one policy of one generation: makes an instance per VM.</summary>
public interface IPolicyFactory
{
    /// <summary>
    /// Makes an instance: runs a script's top-level statements, or a plugin class's constructor and OnAttach. Called on the
    /// VM's owner thread.
    /// </summary>
    /// <param name="services">What the instance sees.</param>
    /// <returns>The instance with its handlers bound.</returns>
    /// <exception cref="PolicyInitializationException">The policy's own code threw.</exception>
    BoundPolicy Create(IPolicyServices services);
}
