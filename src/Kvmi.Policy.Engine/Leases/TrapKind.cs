namespace Kvmi.Policy.Engine.Leases;

/// <summary>What is switched on per vCPU, in the order of switching on; off goes the other way.</summary>
internal enum TrapKind
{
    Event,
    Cr,
    Msr,
}
