namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>What the command line of <c>test</c> asks for.</summary>
internal sealed record TestSettings
{
    public required TestFilter Filter { get; init; }

    /// <summary>True: the tests are listed, not run.</summary>
    public required bool IsList { get; init; }

    /// <summary>Policies that are tested at the same time.</summary>
    public required int Jobs { get; init; }

    /// <summary>How long one test may take.</summary>
    public required TimeSpan Limit { get; init; }

    /// <summary>File for JUnit XML; null for none.</summary>
    public string? JUnit { get; init; }

    /// <summary>True: coverage is shown.</summary>
    public bool ShowCoverage { get; init; }

    /// <summary>Percentage that each policy must reach; null: any.</summary>
    public int? CoverageMinimum { get; init; }

    /// <summary>Files for coverage.</summary>
    public IReadOnlyList<CoverageReport> CoverageReports { get; init; } = [];

    /// <summary>True when coverage is needed for anything.</summary>
    public bool MeasuresCoverage => ShowCoverage || CoverageMinimum is not null || CoverageReports.Count > 0;
}
