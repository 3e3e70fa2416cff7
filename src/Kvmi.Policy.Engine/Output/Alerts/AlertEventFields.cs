using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Output.Alerts;

/// <summary>What alerts can tell of their event: <c>spec.alerts.fields</c> and the fields of a <c>then</c>. The schema has the same names.</summary>
internal static class AlertEventFields
{
    private static readonly string[] OfAll = ["vcpu", "rip"];
    private static readonly string[] OfCr = ["cr", "old", "new", .. OfAll];
    private static readonly string[] OfMsr = ["msr", "old", "new", .. OfAll];
    private static readonly string[] OfXsetbv = ["xcr", "old", "new", .. OfAll];
    private static readonly string[] OfPageFault = ["gva", "gpa", "access", .. OfAll];
    private static readonly string[] OfBreakpoint = ["gpa", .. OfAll];
    private static readonly string[] OfDescriptor = ["descriptor", "write", .. OfAll];
    private static readonly string[] OfTrap = ["vector", "errorCode", "address", .. OfAll];
    private static readonly string[] OfCpuid = ["function", "index", .. OfAll];
    private static readonly string[] OfSinglestep = ["failed", .. OfAll];

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> All { get; } =
        [.. new[] { ["rip", "cpl", "root"], OfCr, OfMsr, OfXsetbv, OfPageFault, OfDescriptor, OfTrap, OfCpuid, OfSinglestep }.SelectMany(names => names).Distinct()];

    /// <summary>What an alert tells when nobody chooses: what events of a kind are about, then vcpu and rip.</summary>
    public static IReadOnlyList<string> DefaultsOf(EventKind kind) => kind switch
    {
        EventKind.Cr => OfCr,
        EventKind.Msr => OfMsr,
        EventKind.Xsetbv => OfXsetbv,
        EventKind.PageFault => OfPageFault,
        EventKind.Breakpoint => OfBreakpoint,
        EventKind.Descriptor => OfDescriptor,
        EventKind.Trap => OfTrap,
        EventKind.Cpuid => OfCpuid,
        EventKind.Singlestep => OfSinglestep,
        _ => OfAll,
    };

    /// <summary>The value of a field: a ulong, a long (cpl), a bool (write, failed) or a string (access, descriptor).</summary>
    /// <returns>Null when events of this kind do not have it.</returns>
    public static object? Find(string name, in EventFacts facts) => name switch
    {
        _ when !Has(name, facts.Kind) => null,
        "rip" => facts.Rip,
        "cpl" => (long)facts.Cpl,
        "root" => facts.Root,
        "vcpu" => (ulong)facts.Vcpu,
        "xcr" or "old" or "new" when facts.Kind == EventKind.Xsetbv && !facts.HasXsetbvValues => null,
        "old" => facts.Old,
        "new" => facts.New,
        "gva" => facts.Gva,
        "gpa" => facts.Gpa,
        "access" => OutputText.AccessText(facts.Access),
        "descriptor" => DescriptorName(facts.Descriptor),
        "write" => facts.DescriptorWrite,
        "errorCode" or "index" => (ulong)facts.Detail,
        "address" => facts.Address,
        "failed" => facts.Failed,

        // cr, msr, xcr, vector, function.
        _ => (ulong)facts.Number,
    };

    /// <summary>True when events of a kind have a field.</summary>
    public static bool Has(string name, EventKind kind) => name is "cpl" or "root" || DefaultsOf(kind).Contains(name, StringComparer.Ordinal);

    private static string DescriptorName(DescriptorTable table) => table switch
    {
        DescriptorTable.Idtr => "idtr",
        DescriptorTable.Gdtr => "gdtr",
        DescriptorTable.Ldtr => "ldtr",
        DescriptorTable.Tr => "tr",
        _ => table.ToString(),
    };
}
