using System.Globalization;
using Kvmi.Kvm.Introspection;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Has this kernel introspection? The normal answer is no.</summary>
internal sealed class IntrospectionCheck : IDoctorCheck
{
    private const string Name = "introspection";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        if (context.System.Platform.IsSupported && context.System.Kvm.Introspection is { } support)
        {
            yield return Judge(support, context.System.Platform.Kernel) with { Fields = Fields(support) };
        }
    }

    private static DoctorFinding Judge(IntrospectionSupport support, string kernel)
    {
        if (!support.IsPresent)
        {
            return new DoctorFinding(Name, DoctorStatus.Note,
                $"This kernel ({kernel}) has no KVM introspection, which is the normal case{Misleading(support)}.",
                "Use the simulator (kvmi-policy run --simulate), or boot a kernel with the KVMI patches.");
        }

        var series = string.Join(" or ", support.Series.Select(Describe));
        return support.IsSwitchedOff
            ? new DoctorFinding(Name, DoctorStatus.Warning, $"This kernel has KVM introspection ({series}), but it is switched off.",
                "Load the module kvm with introspection=1, or boot with kvm.introspection=1.")
            : new DoctorFinding(Name, DoctorStatus.Ok, $"This kernel has KVM introspection: {series}.");
    }

    private static string Misleading(IntrospectionSupport support)
    {
        CapabilityAnswer[] answers = [.. support.Capabilities.Where(answer => answer is { Value: not 0, StockName: not null })];
        return answers.Length == 0
            ? ""
            : $"; that it answers to capability {string.Join(" and ", answers.Select(answer => answer.Number.ToString(CultureInfo.InvariantCulture)))} "
                + $"means {string.Join(" and ", answers.Select(answer => answer.StockName))}";
    }

    private static string Describe(IntrospectionSeries series) => IntrospectionIoctls.Of(series).Dialect is { } dialect
        ? $"{series}, dialect {CommonOptions.DialectName(dialect)}"
        : $"{series}, whose dialect is not spoken here";

    private static OutputField[] Fields(IntrospectionSupport support) =>
    [
        new("present", support.IsPresent),
        new("series", string.Join(' ', support.Series)),
        .. support.Capabilities.Select(answer => new OutputField(string.Create(CultureInfo.InvariantCulture, $"capability{answer.Number}"), (long)answer.Value)),
    ];
}
