using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>The coverage of policies as a table, a line for each policy.</summary>
internal static class CoverageTable
{
    private const int MaxPlaces = 12;
    private static readonly string[] Header = ["policy", "handlers", "lines", "branches", "not run"];

    /// <summary>Writes the table and its totals.</summary>
    public static void Write(ResultWriter results, IReadOnlyList<PolicyCoverage> policies)
    {
        var rows = policies.Select(policy => new[]
        {
            policy.Policy,
            Share(policy.HitHandlers, policy.Handlers.Count),
            policy.NotMeasured is null ? Share(policy.HitLines, policy.Lines) : "-",
            policy.NotMeasured is null ? Share(policy.HitBranches, policy.Branches) : "-",
            policy.NotMeasured is { } reason ? $"({reason}){(NotRun(policy) is { Length: > 0 } places ? $" {places}" : "")}" : NotRun(policy),
        }).ToList();
        var widths = Enumerable.Range(0, Header.Length - 1).Select(column => rows.Append(Header).Max(row => row[column].Length)).ToList();
        for (var i = 0; i < rows.Count; i++)
        {
            results.Write(new CoverageOutput
            {
                Time = results.Now,
                Coverage = policies[i],
                Header = i == 0 ? Line(Header, widths) : null,
                Text = Line(rows[i], widths),
            });
        }

        var (handlers, lines, branches) = (policies.Sum(policy => policy.Handlers.Count), policies.Sum(policy => policy.Lines), policies.Sum(policy => policy.Branches));
        var (hitHandlers, hitLines, hitBranches) =
            (policies.Sum(policy => policy.HitHandlers), policies.Sum(policy => policy.HitLines), policies.Sum(policy => policy.HitBranches));
        results.Write(new TotalsOutput
        {
            Time = results.Now,
            Kind = "coverage",
            Counts =
            [
                new("hitHandlers", hitHandlers), new("handlers", handlers), new("hitLines", hitLines), new("lines", lines),
                new("hitBranches", hitBranches), new("branches", branches),
            ],
            Text = $"coverage: handlers {Share(hitHandlers, handlers)}, lines {Share(hitLines, lines)}, branches {Share(hitBranches, branches)}",
        });
    }

    /// <summary>What of a policy is below a percentage, as words; null when nothing is. What a policy does not have is never below.</summary>
    public static string? BelowMinimum(PolicyCoverage policy, int minimum)
    {
        var below = new (string Word, int Hit, int All)[]
        {
            ("handlers", policy.HitHandlers, policy.Handlers.Count), ("lines", policy.HitLines, policy.Lines),
            ("branches", policy.HitBranches, policy.Branches),
        }.Where(part => part.Hit * 100L < (long)part.All * minimum).Select(part => $"{Share(part.Hit, part.All)} of the {part.Word}").ToList();
        return below.Count == 0 ? null : string.Join(", ", below);
    }

    // Rounded down: 100 % means all.
    private static string Share(int hit, int all) =>
        string.Create(CultureInfo.InvariantCulture, $"{hit}/{all} {(all == 0 ? 100 : hit * 100L / all)}%");

    private static string NotRun(PolicyCoverage policy)
    {
        var places = policy.Handlers.Where(handler => handler.Hits == 0)
            .Select(handler => $"{Path.GetFileName(handler.Location.File)}:{handler.Location.Line} {handler.Handler ?? "then"}")
            .Concat(policy.Files.SelectMany(Places)).ToList();
        return string.Join("; ", places.Count > MaxPlaces ? [.. places.Take(MaxPlaces), $"{places.Count - MaxPlaces} more"] : places);
    }

    private static IEnumerable<string> Places(FileCoverage file)
    {
        var name = Path.GetFileName(file.File);
        for (var i = 0; i < file.Lines.Count; i++)
        {
            var line = file.Lines[i];
            if (line.Hits == 0)
            {
                var first = line.Line;
                while (i + 1 < file.Lines.Count && file.Lines[i + 1].Hits == 0)
                {
                    i++;
                }

                yield return file.Lines[i].Line == first ? $"{name}:{first}" : $"{name}:{first}-{file.Lines[i].Line}";
            }
            else if (line.TakenBranches < line.Branches)
            {
                yield return $"{name}:{line.Line} ({line.TakenBranches} of {line.Branches} branches)";
            }
        }
    }

    private static string Line(string[] row, List<int> widths)
    {
        var line = new StringBuilder("coverage  ");
        for (var column = 0; column < widths.Count; column++)
        {
            line.Append(row[column].PadRight(widths[column] + 2));
        }

        return line.Append(row[^1]).ToString().TrimEnd();
    }
}
