using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>MSRs by the names that policies use (Intel SDM volume 4, table 2-2), and which ones KVM can intercept.</summary>
internal static class MsrNames
{
    private static readonly ValueRange Low = new(0, 0x1fff);
    private static readonly ValueRange High = new(0xc000_0000, 0xc000_1fff);

    private static readonly Dictionary<string, ulong> Table = new(StringComparer.Ordinal)
    {
        ["apic_base"] = 0x1b,
        ["feature_control"] = 0x3a,
        ["sysenter_cs"] = 0x174,
        ["sysenter_esp"] = 0x175,
        ["sysenter_eip"] = 0x176,
        ["misc_enable"] = 0x1a0,
        ["debugctl"] = 0x1d9,
        ["pat"] = 0x277,
        ["efer"] = 0xc000_0080,
        ["star"] = 0xc000_0081,
        ["lstar"] = 0xc000_0082,
        ["cstar"] = 0xc000_0083,
        ["sfmask"] = 0xc000_0084,
        ["fs_base"] = 0xc000_0100,
        ["gs_base"] = 0xc000_0101,
        ["kernel_gs_base"] = 0xc000_0102,
        ["tsc_aux"] = 0xc000_0103,
    };

    public static IReadOnlyCollection<string> All => Table.Keys;

    public static ValueRange? Find(string name) => Table.TryGetValue(name, out var number) ? new ValueRange(number, number) : null;

    /// <summary>
    /// KVM's MSR bitmaps cover two windows and nothing else (protections.md, facts of the protocol: 0-0x1fff and 0xc0000000-0xc0001fff).
    /// </summary>
    public static bool IsControllable(ValueRange range) =>
        (Low.Contains(range.First) && Low.Contains(range.Last)) || (High.Contains(range.First) && High.Contains(range.Last));
}
