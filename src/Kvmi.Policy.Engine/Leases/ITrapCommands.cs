using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>Sends the command behind one trap.</summary>
internal interface ITrapCommands
{
    KvmiError Control(ushort vcpu, TrapKind kind, uint number, bool enable);
}
