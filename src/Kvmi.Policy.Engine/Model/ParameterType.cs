namespace Kvmi.Policy.Engine.Model;

/// <summary>Types of policy parameters. A list of T is written <c>list&lt;T&gt;</c> in the file.</summary>
public enum ParameterType
{
    /// <summary>true or false.</summary>
    Bool,

    /// <summary>64-bit signed integer.</summary>
    Int,

    /// <summary>Text.</summary>
    String,

    /// <summary>Guest-virtual address.</summary>
    Gva,

    /// <summary>Guest-physical address.</summary>
    Gpa,

    /// <summary>Half-open range of guest-physical addresses: 0x1000-0x2000.</summary>
    GpaRange,

    /// <summary>Number with a unit: ns, us, ms, s, m, h, d.</summary>
    Duration,

    /// <summary>64 hexadecimal digits.</summary>
    Sha256,
}
