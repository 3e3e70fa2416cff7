using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Detection;

namespace Kvmi.Session.Vm;

/// <summary>What the members of <see cref="IIntrospectedVm"/> do that a stand-in for a VM does not implement.</summary>
internal static class VmStandIn
{
    public static CommandNotInDialectException Lacks(IIntrospectedVm vm, CommandKind command) =>
        new(vm.Capabilities.Dialect, DialectDetector.Name(vm.Capabilities.Dialect), command);
}
