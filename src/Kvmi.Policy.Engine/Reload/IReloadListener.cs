namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// Hears what the reloader did. Called on the reloader's thread; must not throw, and must not
/// wait for another reload.
/// </summary>
public interface IReloadListener
{
    /// <summary>A reload ended, well or badly.</summary>
    void OnReload(ReloadReport report);

    /// <summary>Watching a directory does not work as fast as it should; polling goes on. Told once per problem.</summary>
    void OnWatchProblem(string message);
}
