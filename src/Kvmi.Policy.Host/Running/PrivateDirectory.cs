namespace Kvmi.Policy.Host.Running;

/// <summary>A fresh directory that only this user can enter; removed when disposed, and when the process exits early.</summary>
internal sealed class PrivateDirectory : IDisposable
{
    private readonly EventHandler _atExit;

    public PrivateDirectory()
    {
        Path = Directory.CreateTempSubdirectory("kvmi-policy-").FullName;
        _atExit = (_, _) => Remove();
        AppDomain.CurrentDomain.ProcessExit += _atExit;
    }

    /// <summary>Full path; mode 0700, as the runtime makes temporary directories.</summary>
    public string Path { get; }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= _atExit;
        Remove();
    }

    private void Remove()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
