using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Session;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>Makes the record of a VM.</summary>
internal static class TracedVmRecord
{
    public static TraceVm Of(VmStatus vm)
    {
        var (identity, offer) = (vm.Identity, vm.Capabilities);
        return new TraceVm
        {
            Name = identity.Name,
            Uuid = identity.Uuid,
            StartTime = identity.StartTime,
            Dialect = vm.Dialect,
            Vcpus = vm.VcpuCount,
            MaxPayload = offer.MaxPayload,
            Features = offer.Features,
            MaxGfn = offer.MaxGfn,
            Commands = Names(offer.Commands),
            ForbiddenCommands = Names(offer.ForbiddenCommands),
            AbsentCommands = Names(offer.AbsentCommands),
            Events = Names(offer.Events),
            ForbiddenEvents = Names(offer.ForbiddenEvents),
            AbsentEvents = Names(offer.AbsentEvents),
        };
    }

    private static string[] Names<T>(IReadOnlySet<T> kinds)
        where T : struct, Enum => [.. kinds.Order().Select(kind => kind.ToString())];
}
