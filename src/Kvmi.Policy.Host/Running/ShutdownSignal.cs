using System.Runtime.InteropServices;

namespace Kvmi.Policy.Host.Running;

/// <summary>
/// Ctrl-C and SIGTERM. The first asks for an orderly end through <see cref="Token"/>; the second ends the process at once with
/// 128 + the signal's number (130 for Ctrl-C).
/// </summary>
internal sealed class ShutdownSignal : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private int _received;

    public ShutdownSignal()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Received(context, 130));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Received(context, 143));
    }

    /// <summary>Cancelled at the first signal.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Received(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _received) == 1)
        {
            _source.Cancel();
        }
        else
        {
            Environment.Exit(exitCode);
        }
    }
}
