namespace Kvmi.Policy;

/// <summary>
/// The typed parameters of a policy. Every getter throws <see cref="ArgumentException"/> naming the policy and the
/// parameter when it is not declared or has another type. Look-ups go by name: read parameters at the top of the script.
/// </summary>
public interface IPolicyParameters
{
    /// <summary>A parameter of type bool.</summary>
    bool Bool(string name);

    /// <summary>A parameter of type int.</summary>
    long Int(string name);

    /// <summary>A parameter of type string.</summary>
    string String(string name);

    /// <summary>A parameter of type gpa.</summary>
    ulong Gpa(string name);

    /// <summary>A parameter of type gva.</summary>
    ulong Gva(string name);

    /// <summary>A parameter of type duration.</summary>
    TimeSpan Duration(string name);

    /// <summary>A parameter of any list type.</summary>
    IParameterList List(string name);
}
