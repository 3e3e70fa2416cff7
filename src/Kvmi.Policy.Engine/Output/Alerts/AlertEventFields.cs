using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Output.Alerts;

/// <summary>What <c>spec.alerts.fields</c> may ask of an event. The schema has the same names.</summary>
internal static class AlertEventFields
{
    /// <summary>The value of a field: a ulong, or a long for cpl.</summary>
    /// <returns>Null when events of this kind do not have it.</returns>
    public static object? Find(string name, in EventFacts facts) => name switch
    {
        _ when !Has(name, facts.Kind) => null,
        "rip" => facts.Rip,
        "cpl" => (long)facts.Cpl,
        "root" => facts.Root,
        "old" => facts.Kind == EventKind.Xsetbv && !facts.HasXsetbvValues ? null : facts.Old,
        "new" => facts.Kind == EventKind.Xsetbv && !facts.HasXsetbvValues ? null : facts.New,
        "gva" => facts.Gva,
        _ => facts.Gpa,
    };

    /// <summary>True when events of a kind have a field.</summary>
    public static bool Has(string name, EventKind kind) => name switch
    {
        "rip" or "cpl" or "root" => true,
        "old" or "new" => kind is EventKind.Cr or EventKind.Msr or EventKind.Xsetbv,
        "gva" => kind == EventKind.PageFault,
        "gpa" => kind is EventKind.PageFault or EventKind.Breakpoint,
        _ => false,
    };
}
