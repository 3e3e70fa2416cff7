namespace Kvmi.Policy.Engine.Plugins;

/// <summary>A method of a policy class that a subscription may name.</summary>
/// <param name="Class">The class, with its namespace.</param>
/// <param name="Name">The method.</param>
/// <param name="Event">The event that it takes, as policy files call it.</param>
public sealed record PluginHandler(string Class, string Name, string Event);
