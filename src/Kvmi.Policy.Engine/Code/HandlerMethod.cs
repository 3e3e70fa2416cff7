using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Code;

/// <summary>A method that a subscription may name, as the script compiler or reflection saw it.</summary>
/// <param name="Name">Name of the method.</param>
/// <param name="ReturnType">Full name of the return type.</param>
/// <param name="ParameterTypes">Full names of the parameter types; by-reference ones start with "ref ".</param>
/// <param name="IsGeneric">Has type parameters.</param>
/// <param name="Location">Where it is written; for a plugin, the plugin file.</param>
internal sealed record HandlerMethod(
    string Name,
    string ReturnType,
    IReadOnlyList<string> ParameterTypes,
    bool IsGeneric,
    SourceLocation Location);
