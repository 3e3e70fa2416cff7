using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.Running;

/// <summary>SIGHUP: the policies are loaded anew; the run's output says what became of it.</summary>
internal sealed class ReloadSignal : IDisposable
{
    private readonly PosixSignalRegistration _hangup;

    public ReloadSignal(LivePolicies policies, ILogger logger) => _hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
    {
        context.Cancel = true;
        _ = policies.ReloadAsync().ContinueWith(
            reload => LogMessages.ReloadSignalFailed(logger, new OperationCanceledException("The run is ending.", reload.Exception)),
            CancellationToken.None,
            TaskContinuationOptions.NotOnRanToCompletion,
            TaskScheduler.Default);
    });

    public void Dispose() => _hangup.Dispose();
}
