using System.CommandLine;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Host.Verbs;

namespace Kvmi.Policy.Host.Loading;

/// <summary>How this program starts itself as a worker, and the options about it.</summary>
internal static class WorkerProgram
{
    /// <summary>--untrusted.</summary>
    public static Option<bool> Untrusted() => new("--untrusted")
    {
        Description = "Run the code of every policy in confined worker processes, as if its file said trust: untrusted",
    };

    /// <summary>--allow-weak-worker.</summary>
    public static Option<bool> AllowWeak() => new("--allow-weak-worker")
    {
        Description = "Run untrusted policies even where the system does not let their worker be confined completely",
    };

    /// <summary>The settings of workers.</summary>
    public static WorkerSettings Settings(bool allowWeak)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("The system does not say what program this is.");

        // Started as "dotnet kvmi-policy.dll", the program is dotnet.
        var isOwn = Path.GetFileNameWithoutExtension(program) == Path.GetFileNameWithoutExtension(AssemblyPath);
        return new WorkerSettings
        {
            Program = program,
            Arguments = isOwn ? [WorkerVerb.Name] : [AssemblyPath, WorkerVerb.Name],
            AllowWeak = allowWeak,
        };
    }

    private static string AssemblyPath => typeof(WorkerProgram).Assembly.Location;
}
