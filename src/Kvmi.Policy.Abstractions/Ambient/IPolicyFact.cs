namespace Kvmi.Policy;

/// <summary>One named number of a policy. Written by the VM's owner thread, read by any.</summary>
public interface IPolicyFact
{
    /// <summary>Name as the summary shows it.</summary>
    string Name { get; }

    /// <summary>Current value.</summary>
    long Value { get; set; }
}
