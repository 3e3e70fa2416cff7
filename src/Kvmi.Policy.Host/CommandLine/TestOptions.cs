using System.CommandLine;
using Kvmi.Policy.Host.PolicyTests;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Options of <c>test</c>: which tests run, how, and what is written about them.</summary>
internal sealed class TestOptions
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(30);

    private readonly Option<string[]> _filter = new("--filter")
    {
        Description = "Run only tests whose policy id or name contains this text, or matches it where it has * or ?; 'POLICY: NAME' as the results show it "
            + "matches too. May be given again: one match is enough",
        HelpName = "TEXT",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<bool> _list = new("--list") { Description = "List the tests instead of running them" };

    private readonly Option<int?> _jobs = new("--jobs")
    {
        Description = "Policies that are tested at the same time (default: one for each processor)",
        HelpName = "N",
        Validators = { result => RequireRange(result.GetValueOrDefault<int?>(), 1, 64, "--jobs", result.AddError) },
    };

    private readonly Option<TimeSpan?> _limit = new("--limit")
    {
        Description = "How long one test may take (default: 30s). A script is ended by its budget long before; this is for plugins",
        HelpName = "DURATION",
        CustomParser = DurationText.Parse,
    };

    private readonly Option<string?> _junit = new("--junit") { Description = "Write the results as JUnit XML into this file, for CI systems", HelpName = "FILE" };

    private readonly Option<bool> _coverage = new("--coverage") { Description = "Show which handlers, lines and branches of the policies the tests ran" };

    private readonly Option<int?> _minimum = new("--coverage-min")
    {
        Description = "Fail (exit 1) when a policy has less than this percentage of its handlers, of its lines or of its branches run",
        HelpName = "PERCENT",
        Validators = { result => RequireRange(result.GetValueOrDefault<int?>(), 0, 100, "--coverage-min", result.AddError) },
    };

    private readonly Option<string[]> _reports = new("--coverage-report")
    {
        Description = "Write the coverage into a file: cobertura:FILE or lcov:FILE. May be given again",
        HelpName = "FORMAT:FILE",
        DefaultValueFactory = _ => [],
    };

    /// <summary>Adds them to the verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_filter);
        verb.Add(_list);
        verb.Add(_jobs);
        verb.Add(_limit);
        verb.Add(_junit);
        verb.Add(_coverage);
        verb.Add(_minimum);
        verb.Add(_reports);
    }

    /// <summary>What was asked for.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="untrusted">Do all policies run in a worker?</param>
    /// <exception cref="UsageException">Options that do not go together, or a report of another format.</exception>
    /// <exception cref="HostEnvironmentException">The directory of a report is not there.</exception>
    public TestSettings Read(ParseResult parse, bool untrusted)
    {
        var reports = parse.GetRequiredValue(_reports).Select(CoverageReport.Parse).ToList();
        var settings = new TestSettings
        {
            Filter = new TestFilter(parse.GetRequiredValue(_filter)),
            IsList = parse.GetValue(_list),
            Jobs = parse.GetValue(_jobs) ?? Math.Min(Environment.ProcessorCount, 64),
            Limit = parse.GetValue(_limit) ?? DefaultLimit,
            JUnit = parse.GetValue(_junit),
            ShowCoverage = parse.GetValue(_coverage),
            CoverageMinimum = parse.GetValue(_minimum),
            CoverageReports = reports,
        };
        if (settings.IsList && (settings.JUnit is not null || settings.MeasuresCoverage))
        {
            throw new UsageException("--list runs nothing, so there is nothing to report: leave out --junit and --coverage.");
        }

        if (untrusted && settings.MeasuresCoverage)
        {
            throw new UsageException("--coverage looks into scripts of this process, and --untrusted runs them in another: leave one of the two out.");
        }

        foreach (var file in reports.Select(report => report.File).Append(settings.JUnit).OfType<string>())
        {
            RequireDirectory(file);
        }

        return settings;
    }

    // Better before the tests than behind them.
    private static void RequireDirectory(string file)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(file));
        if (file.Length == 0 || Directory.Exists(file) || !Directory.Exists(directory))
        {
            throw new HostEnvironmentException($"'{file}' cannot be written: give the path of a file in a directory that exists.");
        }
    }

    private static void RequireRange(int? value, int least, int most, string name, Action<string> fail)
    {
        if (value is { } number && (number < least || number > most))
        {
            fail($"{name} {number} makes no sense: give a number from {least} to {most}.");
        }
    }
}
