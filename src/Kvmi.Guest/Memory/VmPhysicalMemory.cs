using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Guest.Memory;

/// <summary>The physical memory of an attached VM. Each read is a command; use it on the VM's owner thread only.</summary>
public sealed class VmPhysicalMemory : IPhysicalMemory
{
    private readonly IIntrospectedVm _vm;
    private readonly bool _allowed;

    /// <summary>Wraps the VM; where READ_PHYSICAL is not allowed, every read fails without a command.</summary>
    public VmPhysicalMemory(IIntrospectedVm vm)
    {
        ArgumentNullException.ThrowIfNull(vm);
        _vm = vm;
        _allowed = vm.Capabilities.Commands.Contains(CommandKind.ReadPhysical);
    }

    /// <inheritdoc/>
    public bool TryRead(ulong gpa, Span<byte> destination) =>
        _allowed
        && (destination.IsEmpty || gpa <= ulong.MaxValue - (ulong)(destination.Length - 1))
        && (destination.IsEmpty || _vm.ReadPhysical(gpa, destination) == KvmiError.None);
}
