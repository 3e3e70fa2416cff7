using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Which .NET runs, and how does it collect?</summary>
internal sealed class RuntimeCheck : IDoctorCheck
{
    private const string Name = "runtime";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        var runtime = context.System.Runtime;
        var found = $".NET {runtime.Version}, {(runtime.IsServerGc ? "server" : "workstation")} garbage collector, "
            + $"{(runtime.IsConcurrentGc ? "concurrent" : "not concurrent")}, {Words.Count(runtime.Processors, "processor")}.";
        var finding = runtime switch
        {
            { Processors: 1 } => new DoctorFinding(Name, DoctorStatus.Warning, found,
                "Give the process a second processor: a handler that never returns must not hold the watchdog up."),
            { IsConcurrentGc: false } => new DoctorFinding(Name, DoctorStatus.Warning, found,
                "Leave DOTNET_gcConcurrent unset: collections that stop the program longer make vCPUs wait."),
            _ => new DoctorFinding(Name, DoctorStatus.Ok, found),
        };
        yield return finding with
        {
            Fields =
            [
                new("version", runtime.Version.ToString()), new("serverGc", runtime.IsServerGc), new("concurrentGc", runtime.IsConcurrentGc),
                new("processors", (long)runtime.Processors),
            ],
        };
    }
}
