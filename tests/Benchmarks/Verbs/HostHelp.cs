using Kvmi.Benchmarks.Contestants;

namespace Kvmi.Benchmarks.Verbs;

/// <summary>What the program under test can do: options differ from build to build.</summary>
internal static class HostHelp
{
    /// <summary>The text of <c>run --help</c>.</summary>
    public static string Run(Bench bench) =>
        string.Join('\n', bench.Children.Start("dotnet", PolicyHostProcess.Program(), "run", "--help").End(interrupt: false));
}
