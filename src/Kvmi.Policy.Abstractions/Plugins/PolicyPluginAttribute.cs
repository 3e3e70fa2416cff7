namespace Kvmi.Policy;

/// <summary>
/// Marks an assembly as a policy plugin. Its policies are the public, non-abstract classes that derive from
/// <see cref="PolicyBase"/> and have a public constructor without parameters; policy files name them under <c>script.type</c>.
/// The contract version is not declared: it is the version of Kvmi.Policy.Abstractions that the assembly was built against.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class PolicyPluginAttribute : Attribute
{
    /// <summary>Marks the assembly.</summary>
    /// <param name="id">Lower-case letters, digits and dashes; policy files name it under <c>script.plugin</c> and <c>requires.plugins</c>.</param>
    public PolicyPluginAttribute(string id) => Id = id;

    /// <summary>Identity of the plugin.</summary>
    public string Id { get; }
}
