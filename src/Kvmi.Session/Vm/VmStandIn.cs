using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Session.Vm;

/// <summary>What the members of <see cref="IIntrospectedVm"/> do that a stand-in for a VM does not implement.</summary>
internal static class VmStandIn
{
    public static CommandNotInDialectException Lacks(IIntrospectedVm vm, CommandKind command) =>
        new(vm.Capabilities.Dialect, Dialect.NameOf(vm.Capabilities.Dialect), command);
}
