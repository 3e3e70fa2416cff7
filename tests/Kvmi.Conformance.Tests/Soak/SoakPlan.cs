using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Kvmi.Conformance.Tests.Soak;

/// <summary>One run: how many vCPUs, what the guest does, and the seed of everything else. Prints as what is needed to repeat it.</summary>
/// <param name="Vcpus">1 to 16.</param>
/// <param name="Seed">Seed of the guest, of the tool's commands and of its decisions.</param>
/// <param name="Programs">What the vCPUs do, in this order, before they switch processes without end.</param>
internal sealed record SoakPlan(int Vcpus, int Seed, IReadOnlyList<string> Programs)
{
    private const int MaxVcpus = 16;

    // Each of them can be repeated for ever, whatever the tool decides about it.
    private static readonly string[] Repeatable =
    [
        "process-switches", "syscalls", "int3", "hypercall", "descriptor-loads", "xsetbv", "cpuid", "probe", "delay",
        "smep-clear", "smap-clear", "umip-clear", "wp-clear", "wx-violation", "lstar-hijack",
    ];

    /// <summary>Random plans.</summary>
    public static Gen<SoakPlan> Plans { get; } =
        from vcpus in Gen.Frequency((1, Gen.Constant(1)), (1, Gen.Constant(MaxVcpus)), (4, Gen.Choose(2, MaxVcpus - 1)))
        from seed in Gen.Choose(0, int.MaxValue)
        from programs in Gen.Elements(Repeatable).ListOf().Where(list => list.Count is > 0 and <= 40)
        select new SoakPlan(vcpus, seed, [.. programs]);

    /// <summary>The scenario of this plan.</summary>
    /// <param name="events">Events that the run is to bring.</param>
    public string ToYaml(long events)
    {
        var repeat = Math.Max(1, events / (4L * Vcpus * Programs.Count));
        var yaml = new StringBuilder();
        yaml.Append(CultureInfo.InvariantCulture, $"scenario: soak\nvcpus: {Vcpus}\nseed: {Seed}\nsettle: 50ms\nmax-wait: 30s\nsteps:\n");
        foreach (var program in Programs)
        {
            yaml.Append(CultureInfo.InvariantCulture, $"- {{program: {program}, repeat: {repeat}}}\n");
        }

        return yaml.Append("- {program: process-switches, repeat: endless}\n").ToString();
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"new SoakPlan({Vcpus}, {Seed}, [{string.Join(", ", Programs.Select(program => $"\"{program}\""))}])");
}
