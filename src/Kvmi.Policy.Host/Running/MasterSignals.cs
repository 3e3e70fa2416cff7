using System.Runtime.InteropServices;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Host.Running;

/// <summary>The switch over all policies while it runs: SIGUSR1 sets audit, SIGUSR2 goes back to what the run was started with.</summary>
internal sealed class MasterSignals : IDisposable
{
    // Not among the names of PosixSignal, which takes the system's own numbers too; these are Linux's.
    private const PosixSignal User1 = (PosixSignal)10;
    private const PosixSignal User2 = (PosixSignal)12;

    private readonly PosixSignalRegistration _audit;
    private readonly PosixSignalRegistration _back;

    /// <summary>Listens to the signals and sets the switch.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="start">What the run was started with.</param>
    /// <param name="changed">Called with the new position on a thread of the runtime's.</param>
    public MasterSignals(PolicyEngine engine, MasterMode start, Action<MasterMode> changed)
    {
        engine.SetMasterMode(start);
        _audit = PosixSignalRegistration.Create(User1, context => Set(context, MasterMode.Audit));
        _back = PosixSignalRegistration.Create(User2, context => Set(context, start));

        void Set(PosixSignalContext context, MasterMode mode)
        {
            context.Cancel = true;
            engine.SetMasterMode(mode);
            changed(mode);
        }
    }

    public void Dispose()
    {
        _audit.Dispose();
        _back.Dispose();
    }
}
