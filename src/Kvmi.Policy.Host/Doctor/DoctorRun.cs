using System.Globalization;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Doctor.Checks;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>Runs every check and writes what they find, a line each, then the totals.</summary>
internal sealed class DoctorRun
{
    private readonly ResultWriter _results;
    private readonly HashSet<string> _failed = [];
    private readonly int[] _counts = new int[Enum.GetValues<DoctorStatus>().Length];

    public DoctorRun(ResultWriter results) => _results = results;

    /// <summary>The checks, in the order of the output. A new one is one line here.</summary>
    public static IReadOnlyList<IDoctorCheck> Checks { get; } =
    [
        new PlatformCheck(),
        new UserCheck(),
        new KvmCheck(),
        new IntrospectionCheck(),
        new EmulatedCpuidCheck(),
        new VsockCheck(),
        new ListenCheck(),
        new ConnectCheck(),
        new CookieCheck(),
        new OwnershipCheck(),
        new ClockCheck(),
        new RealTimeCheck(),
        new LockedMemoryCheck(),
        new OpenFilesCheck(),
        new RuntimeCheck(),
    ];

    /// <summary>True when this check has found that what was asked for cannot work.</summary>
    public bool HasFailed(string check)
    {
        lock (_failed)
        {
            return _failed.Contains(check);
        }
    }

    /// <summary>Runs the checks.</summary>
    public void Run(IEnumerable<IDoctorCheck> checks, DoctorContext context)
    {
        foreach (var check in checks)
        {
            foreach (var finding in check.Run(context))
            {
                Write(finding);
            }
        }
    }

    /// <summary>Writes a finding. May be called by any thread.</summary>
    public void Write(DoctorFinding finding)
    {
        Interlocked.Increment(ref _counts[(int)finding.Status]);
        if (finding.Status == DoctorStatus.Failure)
        {
            lock (_failed)
            {
                _failed.Add(finding.Check);
            }
        }

        _results.Write(new CheckOutput { Time = _results.Now, Finding = finding });
    }

    /// <summary>Writes the totals.</summary>
    /// <returns>The exit code.</returns>
    public int Finish()
    {
        var (ok, notes, warnings, failures) = (_counts[0], _counts[1], _counts[2], _counts[3]);
        _results.Write(new TotalsOutput
        {
            Time = _results.Now,
            Kind = "doctor",
            Counts = [new("ok", ok), new("notes", notes), new("warnings", warnings), new("failures", failures)],
            Text = string.Create(CultureInfo.InvariantCulture,
                $"{ok} ok, {Words.Count(notes, "note")}, {Words.Count(warnings, "warning")}, {Words.Count(failures, "failure")}"),
        });
        return failures > 0 ? ExitCode.Failure : ExitCode.Fine;
    }
}
