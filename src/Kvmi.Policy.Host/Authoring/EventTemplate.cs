namespace Kvmi.Policy.Host.Authoring;

/// <summary>What a new policy for one event begins with: something small that decides and can be tested.</summary>
/// <param name="Event">Name of the event.</param>
/// <param name="Mechanism">What the policy does, one sentence.</param>
/// <param name="Spec">Keys of spec before the handler, two columns deep: the watch.</param>
/// <param name="When">The filter; null for none.</param>
/// <param name="EventType">What the handler takes.</param>
/// <param name="Script">Body of the handler, four columns deep; NAME is the alert.</param>
/// <param name="Quiet">Fields of an event that the policy lets pass without a word; null when there is none.</param>
/// <param name="Loud">Fields of an event that it reports.</param>
/// <param name="Decision">What it decides about that in enforce mode.</param>
internal sealed record EventTemplate(
    string Event, string Mechanism, string Spec, string? When, string EventType, string Script, string? Quiet, string Loud, string Decision)
{
    private const string Report = "    Alert(\"NAME\", new { e.Rip, e.Cpl });\n    return Allow;\n";

    /// <summary>One for each event that a policy can begin with; a single step is asked for in the handler of another event.</summary>
    public static IReadOnlyList<EventTemplate> All { get; } =
    [
        new(
            "msr", "lets each vCPU set LSTAR once, and keeps the value afterwards.", "", "{ msr: lstar }", "MsrEvent",
            "    if (e.Old == 0)\n        return Allow;                 // set at boot\n\n    Alert(\"NAME\", new { e.Old, e.New, e.Rip });\n    return Keep(e.Old);\n",
            "{ msr: lstar, old: 0x0, new: 0xffffffff81e00080 }", "{ msr: lstar, old: 0xffffffff81e00080, new: 0xffffffffc0a01000 }", "keep"),
        new(
            "cr", "keeps CR4 when a write would clear SMEP.", "", "{ cr: 4, clearedBits: smep }", "CrEvent",
            "    Alert(\"NAME\", new { e.Old, e.New, e.Rip });\n    return Keep(e.Old);\n",
            "{ cr: 4, old: 0x100020, new: 0x1000a0 }", "{ cr: 4, old: 0x100020, new: 0x20 }", "keep"),
        new(
            "pf", "reports writes of the kernel to a watched page, and lets them happen.",
            "  watch:                          # page access is given back when the policy is unloaded\n    - { range: 0x1000000-0x1001000, access: r-x }\n",
            "{ access: w, range: 0x1000000-0x1001000 }", "PageFaultEvent",
            "    if (e.Cpl == 0)\n        Alert(\"NAME\", new { e.Gva, e.Gpa, e.Rip });\n\n    return Allow;\n",
            "{ access: w, gpa: 0x1000010, gva: 0x401010, cs: 0x33 }", "{ access: w, gpa: 0x1000010, gva: 0xffffffff81000010, cs: 0x10 }", "allow"),
        new("breakpoint", "reports breakpoints of the guest, and lets them happen.", "", null, "BreakpointEvent", Report, null, "{ gpa: 0x1000000, rip: 0xffffffff81000000 }", "allow"),
        new(
            "descriptor", "reports loads of IDTR after boot.", "", "{ descriptor: idtr, write: true }", "DescriptorEvent", Report,
            "{ descriptor: gdtr, write: true }", "{ descriptor: idtr, write: true, rip: 0xffffffffc0a01000 }", "allow"),
        new("hypercall", "reports hypercalls of the guest.", "", null, "HypercallEvent", Report, null, "{ rax: 0x1 }", "allow"),
        new("xsetbv", "reports writes to XCR0.", "", null, "XsetbvEvent", Report, null, "{ rip: 0xffffffff81000000 }", "allow"),
        new(
            "trap", "reports an injected exception that another one displaced.", "", "{ vector: 14 }", "TrapEvent",
            "    Alert(\"NAME\", new { e.Vector, e.ErrorCode, e.Address, e.Rip });\n    return Allow;\n",
            "{ vector: 13, errorCode: 0x0 }", "{ vector: 14, errorCode: 0x2, address: 0x401000 }", "allow"),
        new("create-vcpu", "reports vCPUs that the guest starts.", "", null, "CreateVcpuEvent", "    Alert(\"NAME\", new { e.Vcpu });\n    return Allow;\n", null, "{ vcpu: 1 }", "allow"),
        new(
            "cpuid", "reports programs that ask for a hypervisor.", "", "{ function: 0x40000000 }", "CpuidEvent", Report,
            "{ function: 0x1 }", "{ function: 0x40000000 }", "allow"),
    ];
}
