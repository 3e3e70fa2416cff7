namespace Kvmi.Policy.Host.Watching;

/// <summary>How a run shows its histograms while it goes on.</summary>
/// <param name="Top">Keys that are shown.</param>
/// <param name="Every">How often a line says where it stands, when there is no table.</param>
/// <param name="Screen">The table on the terminal; null for lines.</param>
internal sealed record WatchSettings(int Top, TimeSpan Every, WatchScreen? Screen);
