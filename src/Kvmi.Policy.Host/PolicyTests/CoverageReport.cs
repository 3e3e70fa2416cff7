using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>A file that the coverage is written into, and its format.</summary>
/// <param name="File">The file.</param>
/// <param name="IsCobertura">True: Cobertura XML; false: the tracefile of lcov.</param>
internal sealed record CoverageReport(string File, bool IsCobertura)
{
    /// <summary>Reads <c>FORMAT:FILE</c>.</summary>
    /// <exception cref="UsageException">It is something else.</exception>
    public static CoverageReport Parse(string text) => text.Split(':', 2) switch
    {
        ["cobertura", { Length: > 0 } file] => new(file, IsCobertura: true),
        ["lcov", { Length: > 0 } file] => new(file, IsCobertura: false),
        _ => throw new UsageException($"--coverage-report '{text}' is no report: give cobertura:FILE or lcov:FILE."),
    };

    /// <summary>Writes the file, over one that is there.</summary>
    public void Write(IReadOnlyList<PolicyCoverage> policies, DateTimeOffset time)
    {
        using var stream = new FileStream(File, FileMode.Create, FileAccess.Write, FileShare.Read);
        if (IsCobertura)
        {
            CoberturaFile.Write(stream, policies, time);
        }
        else
        {
            LcovFile.Write(stream, policies);
        }
    }
}
