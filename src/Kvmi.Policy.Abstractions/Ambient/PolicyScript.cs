namespace Kvmi.Policy;

/// <summary>The ambient object of a script: its members are the script's top-level names.</summary>
public sealed class PolicyScript : PolicyBase;
