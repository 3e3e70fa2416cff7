namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>A directory of one test, removed at its end.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("kvmi-policy-test-").FullName;

    /// <summary>Writes a file below the directory and gives its path.</summary>
    public string Write(string name, string text)
    {
        var file = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return file;
    }

    /// <summary>Copies a directory below this one and gives its path.</summary>
    public string Copy(string source, string name)
    {
        var target = System.IO.Path.Combine(Path, name);
        foreach (var file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = System.IO.Path.Combine(target, System.IO.Path.GetRelativePath(source, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return target;
    }

    /// <summary>An endpoint for a socket in this directory.</summary>
    public string Socket(string name = "kvmi.sock") => $"unix:{System.IO.Path.Combine(Path, name)}";

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
