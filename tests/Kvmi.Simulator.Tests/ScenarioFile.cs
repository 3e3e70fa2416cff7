namespace Kvmi.Simulator.Tests;

/// <summary>A scenario in a temporary file.</summary>
internal sealed class ScenarioFile : IDisposable
{
    public ScenarioFile(string yaml) => File.WriteAllText(Path, yaml);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"kvmi-{Guid.NewGuid():n}.yaml");

    public void Dispose() => File.Delete(Path);
}
