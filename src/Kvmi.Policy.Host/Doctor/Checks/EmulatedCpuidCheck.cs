using System.Globalization;
using Kvmi.Kvm.Cpuid;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Which CPUID leaves does KVM emulate in software?</summary>
internal sealed class EmulatedCpuidCheck : IDoctorCheck
{
    private const string Name = "emulated-cpuid";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        if (!context.System.Platform.IsSupported || context.System.Kvm is not { OpenProblem: null } kvm)
        {
            yield break;
        }

        if (kvm.EmulatedCpuid is not { } leaves)
        {
            yield return new DoctorFinding(Name, DoctorStatus.Note, $"The emulated CPUID leaves cannot be read: {kvm.EmulatedCpuidProblem}",
                "Nothing has to be done; kernels before 3.13 cannot tell.");
            yield break;
        }

        yield return new DoctorFinding(Name, DoctorStatus.Ok,
            leaves.Count == 0
                ? "KVM emulates no CPUID feature in software."
                : $"KVM emulates features of {Words.Count(leaves.Count, "CPUID leaf", "CPUID leaves")} in software: {string.Join(", ", leaves.Select(Leaf))}.")
        {
            Fields = [new("leaves", leaves.Select(Fields).ToList<object?>())],
        };
    }

    private static string Leaf(CpuidEntry leaf) => leaf.HasIndex
        ? string.Create(CultureInfo.InvariantCulture, $"0x{leaf.Function:x}.{leaf.Index}")
        : string.Create(CultureInfo.InvariantCulture, $"0x{leaf.Function:x}");

    private static List<OutputField> Fields(CpuidEntry leaf) =>
    [
        new("function", (ulong)leaf.Function), new("index", (ulong)leaf.Index), new("eax", (ulong)leaf.Eax), new("ebx", (ulong)leaf.Ebx),
        new("ecx", (ulong)leaf.Ecx), new("edx", (ulong)leaf.Edx),
    ];
}
