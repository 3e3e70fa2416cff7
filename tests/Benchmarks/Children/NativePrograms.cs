using System.ComponentModel;
using System.Diagnostics;

namespace Kvmi.Benchmarks.Children;

/// <summary>The C programs: built at the start, with the sources that lie beside this program.</summary>
internal sealed class NativePrograms
{
    private NativePrograms(string directory)
    {
        Responder = Build(directory, "responder");
        Load = Build(directory, "load");
    }

    /// <summary>Answers events without deciding.</summary>
    public string Responder { get; }

    /// <summary>Sends events and measures.</summary>
    public string Load { get; }

    /// <summary>Builds both.</summary>
    /// <exception cref="BenchmarkException">There is no compiler, or it fails.</exception>
    public static NativePrograms Build(string directory) => new(directory);

    private static string Build(string directory, string name)
    {
        var source = Path.Combine(AppContext.BaseDirectory, "Native", $"{name}.c");
        var output = Path.Combine(directory, name);
        var start = new ProcessStartInfo("gcc", ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", source, "-o", output]) { RedirectStandardError = true };
        try
        {
            using var compiler = Process.Start(start)!;
            var errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? output : throw new BenchmarkException($"gcc cannot build {source}:\n{errors}");
        }
        catch (Win32Exception exception)
        {
            throw new BenchmarkException(
                "gcc is not there. The load and the responder to compare with are C programs that are built now: install the package gcc "
                + "(Debian, Ubuntu: apt-get install gcc libc6-dev).", exception);
        }
    }
}
