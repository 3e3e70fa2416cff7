using Kvmi.Policy.Engine.Code;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>The names that a one-liner about one event may use.</summary>
internal sealed class EventVocabulary
{
    // The root of the page tables, without PCID and flags: what the filter cr3 compares (Intel SDM volume 3, 4.5.2).
    private const string Root = "(e.Cr3 & 0x000ffffffffff000UL)";

    private static readonly string[] Registers =
        ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rflags"];

    private static readonly EventField[] Common =
    [
        Number("vcpu", "(ulong)e.Vcpu"), Number("rip", "e.Rip"), Number("cpl", "(ulong)e.Cpl"), Number("cr3", Root),
        .. Registers.Select(name => new EventField(name, $"e.Regs.{char.ToUpperInvariant(name[0])}{name[1..]}", ExpressionType.Number, Filter: false)),
    ];

    private static readonly EventField[] Values =
        [Number("old", "e.Old"), Number("new", "e.New"), new("changed", "(e.Old != e.New)", ExpressionType.Condition, Filter: true)];

    private readonly Dictionary<string, EventField> _fields;

    public EventVocabulary(PolicyEventInfo info) => _fields = Own(info.Kind).Concat(Common).ToDictionary(field => field.Name, StringComparer.Ordinal);

    /// <summary>All names.</summary>
    public IReadOnlyCollection<string> Names => _fields.Keys;

    /// <summary>Finds a field; null when the event has none of this name.</summary>
    public EventField? Find(string name) => _fields.GetValueOrDefault(name);

    /// <summary>The fields of an alert that names none: those that tell the event from others of its kind.</summary>
    public static IReadOnlyList<string> AlertFields(EventKind kind) =>
    [
        .. Own(kind).Select(field => field.Name).Where(name => name != "changed"),
        "vcpu", "rip",
    ];

    private static EventField[] Own(EventKind kind) => kind switch
    {
        EventKind.Cr => [Number("cr", "(ulong)e.Cr"), .. Values],
        EventKind.Msr => [Number("msr", "(ulong)e.Msr"), .. Values],
        EventKind.Xsetbv => [Number("xcr", "(ulong)e.Xcr"), .. Values],
        EventKind.PageFault => [Number("gva", "e.Gva"), Number("gpa", "e.Gpa"), new("access", "e.Access", ExpressionType.Access, Filter: false)],
        EventKind.Breakpoint => [Number("gpa", "e.Gpa")],
        EventKind.Descriptor =>
            [new("descriptor", "e.Descriptor", ExpressionType.Table, Filter: true), new("write", "e.IsWrite", ExpressionType.Condition, Filter: true)],
        EventKind.Trap => [Number("vector", "(ulong)e.Vector"), Plain("errorCode", "(ulong)e.ErrorCode"), Plain("address", "e.Address")],
        EventKind.Cpuid => [Number("function", "(ulong)e.Function"), Number("index", "(ulong)e.Index")],
        _ => [],
    };

    private static EventField Number(string name, string code) => new(name, code, ExpressionType.Number, Filter: true);

    private static EventField Plain(string name, string code) => new(name, code, ExpressionType.Number, Filter: false);
}
