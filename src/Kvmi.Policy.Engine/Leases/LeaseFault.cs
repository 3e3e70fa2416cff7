using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>A command that the kernel refused: what was tried, and the error.</summary>
internal readonly record struct LeaseFault(string What, KvmiError Error)
{
    public override string ToString() => Error == KvmiError.None ? What : $"{What}: the kernel answered {Error} ({(int)Error})";
}
