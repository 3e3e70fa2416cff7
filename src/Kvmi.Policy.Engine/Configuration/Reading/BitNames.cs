using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>
/// Bits of control registers by their names in lower case: CR0 and CR4 as in Intel SDM volume 3, 2.5; XCR0 as in volume 1, 13.1; EFER as in AMD
/// APM volume 2, 3.1.7; IA32_DEBUGCTL as in Intel SDM volume 3, 18.4.1.
/// </summary>
internal static class BitNames
{
    private const ulong Efer = 0xc000_0080;
    private const ulong DebugCtl = 0x1d9;

    private static readonly Dictionary<string, int> Cr0 = Table(
        ("pe", 0), ("mp", 1), ("em", 2), ("ts", 3), ("et", 4), ("ne", 5), ("wp", 16), ("am", 18), ("nw", 29), ("cd", 30), ("pg", 31));

    private static readonly Dictionary<string, int> Cr4 = Table(
        ("vme", 0), ("pvi", 1), ("tsd", 2), ("de", 3), ("pse", 4), ("pae", 5), ("mce", 6), ("pge", 7), ("pce", 8), ("osfxsr", 9),
        ("osxmmexcpt", 10), ("umip", 11), ("la57", 12), ("vmxe", 13), ("smxe", 14), ("fsgsbase", 16), ("pcide", 17), ("osxsave", 18),
        ("kl", 19), ("smep", 20), ("smap", 21), ("pke", 22), ("cet", 23), ("pks", 24), ("uintr", 25), ("lass", 27), ("lam_sup", 28));

    private static readonly Dictionary<string, int> EferBits = Table(
        ("sce", 0), ("lme", 8), ("lma", 10), ("nxe", 11), ("svme", 12), ("lmsle", 13), ("ffxsr", 14), ("tce", 15));

    private static readonly Dictionary<string, int> DebugCtlBits = Table(
        ("lbr", 0), ("btf", 1), ("bld", 2), ("tr", 6), ("bts", 7), ("btint", 8), ("bts_off_os", 9), ("bts_off_usr", 10), ("freeze_lbrs_on_pmi", 11),
        ("freeze_perfmon_on_pmi", 12), ("freeze_while_smm", 14), ("rtm_debug", 15));

    private static readonly Dictionary<string, int> Xcr0 = Table(
        ("x87", 0), ("sse", 1), ("avx", 2), ("bndregs", 3), ("bndcsr", 4), ("opmask", 5), ("zmm_hi256", 6), ("hi16_zmm", 7), ("pkru", 9));

    /// <summary>The names of the one register that a filter is about; null when it is about several, or about one whose bits have no names here.</summary>
    /// <param name="cr">The CR that the filter names.</param>
    /// <param name="msrs">The MSRs that it names.</param>
    /// <param name="isXsetbv">True when it can only be about XSETBV.</param>
    public static IReadOnlyDictionary<string, int>? Of(int? cr, IReadOnlyList<ValueRange> msrs, bool isXsetbv) => (cr, msrs) switch
    {
        (0, []) => Cr0,
        (4, []) => Cr4,
        (null, [{ First: Efer, Last: Efer }]) => EferBits,
        (null, [{ First: DebugCtl, Last: DebugCtl }]) => DebugCtlBits,
        (null, []) when isXsetbv => Xcr0,
        _ => null,
    };

    private static Dictionary<string, int> Table(params ReadOnlySpan<(string Name, int Bit)> bits)
    {
        var table = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, bit) in bits)
        {
            table.Add(name, bit);
        }

        return table;
    }
}
