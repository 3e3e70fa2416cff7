using Kvmi.Simulator.DeviceManager;

namespace Kvmi.Simulator;

/// <summary>
/// A simulation that runs, with what an administrator may do to its VM (kvmi-later-dialects.md 2.4). Any thread, also several at once: what is
/// asked is done one thing after the other, in the order of the calls. Nothing here throws; what comes after the end is answered with
/// <see cref="UnhookOutcome.NotDone"/>.
/// </summary>
public sealed class SimulationControl
{
    private readonly SimulationRunner _runner;

    internal SimulationControl(SimulationRunner runner, CancellationToken cancellationToken)
    {
        _runner = runner;
        Completion = RunAsync(cancellationToken);
    }

    /// <summary>Ends with the simulation; what <see cref="Simulation.RunAsync"/> gives.</summary>
    public Task<SimulationResult> Completion { get; }

    /// <summary>
    /// The VM stops: the tool gets UNHOOK if it asked for it and has <see cref="SimulatorOptions.UnhookPatience"/> to close, else it is
    /// cut off at once; then the guest stands still. Nobody connects before <see cref="ContinueAsync"/>.
    /// </summary>
    /// <returns>How the tool took it, once the VM stands.</returns>
    public Task<UnhookOutcome> StopAsync() => _runner.Manager.AskAsync(VmAction.Stop);

    /// <summary>
    /// A VM that was stopped goes on: a new connection with the same hello, nothing switched on. The guest waits for the new tool as it
    /// does at the start. Without effect on a VM that runs and is hooked.
    /// </summary>
    /// <returns>Ends when the VM goes on, which is before the new connection is made.</returns>
    public Task ContinueAsync() => _runner.Manager.AskAsync(VmAction.Continue);

    /// <summary>
    /// Live migration: the tool is asked to leave as by <see cref="StopAsync"/> while the guest runs on; the other host then connects with
    /// the same UUID and start time, nothing switched on. No state of the introspection moves.
    /// </summary>
    /// <returns>How the tool took it, once the guest has moved.</returns>
    public Task<UnhookOutcome> MigrateAsync() => _runner.Manager.AskAsync(VmAction.Migrate);

    /// <summary>A snapshot with memory: on the wire as <see cref="MigrateAsync"/>, since the saved memory may be restored where no tool is.</summary>
    /// <returns>How the tool took it, once the snapshot is made.</returns>
    public Task<UnhookOutcome> SnapshotAsync() => _runner.Manager.AskAsync(VmAction.Snapshot);

    /// <summary>
    /// The guest is reset: the tool is cut off at once, and the next hello has a new start time. Only the introspection
    /// is reset; the model guest's memory and registers stay as they are.
    /// </summary>
    /// <returns>Ends when the tool is cut off, which is before the new connection is made.</returns>
    public Task ResetAsync() => _runner.Manager.AskAsync(VmAction.Reset);

    /// <summary>The guest is shut down: the tool is cut off at once, and the simulation ends with <see cref="SimulationEnd.ShutDown"/>.</summary>
    /// <returns>Ends when the tool is cut off.</returns>
    public Task ShutDownAsync() => _runner.Manager.AskAsync(VmAction.Shutdown);

    private async Task<SimulationResult> RunAsync(CancellationToken cancellationToken)
    {
        using (_runner)
        {
            return await _runner.RunAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
