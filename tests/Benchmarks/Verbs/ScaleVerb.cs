using Kvmi.Benchmarks.Contestants;
using Kvmi.Benchmarks.Figures;
using Kvmi.Benchmarks.Policies;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>scale: 1, 8 and 32 vCPUs on one connection; 1, 16 and 64 VMs.</summary>
internal static class ScaleVerb
{
    private const int MostVms = 64;

    public static void Run(Bench bench)
    {
        var policies = PolicyWriter.Write(bench.Children.NewPath("policies"), new PolicyWriter.Wish { Matching = 10 });
        long first = 0, last = 0;
        foreach (var shape in (ReadOnlySpan<LoadShape>)
            [new(1, 1, "cr"), new(1, 8, "cr"), new(1, 32, "cr"), new(16, 1, "cr"), new(MostVms, 1, "cr")])
        {
            var ours = Contestant.Ours(bench, "ours, 10 policies", policies, shape);
            bench.Compete(
                $"{shape.Vms} VMs, {shape.Vcpus} vCPUs each; CR3 writes",
                Contestant.Floor(bench, "read", shape),
                Contestant.Floor(bench, "poll", shape),
                ours);
            first = shape is { Vms: 1, Vcpus: 1 } ? ours.ResidentBytes : first;
            last = shape.Vms == MostVms ? ours.ResidentBytes : last;
        }

        bench.Report.Figure("resident memory for each further VM", Spread.Of([(last - first) / 1024.0 / (MostVms - 1)]), "KiB");
    }
}
