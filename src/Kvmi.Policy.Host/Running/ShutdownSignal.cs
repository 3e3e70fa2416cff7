using System.Runtime.InteropServices;
using System.Text;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Running;

/// <summary>
/// Ctrl-C, SIGTERM, and SIGHUP (of a verb that reloads: only of a terminal that closed). The first asks for an orderly end through <see cref="Token"/>; the second ends the process at
/// once with 128 + the signal's number (130 for Ctrl-C), and stderr says what is left undone.
/// </summary>
internal sealed class ShutdownSignal : IDisposable
{
    // Somebody who asks twice does not want to wait for a terminal that takes nothing.
    private static readonly TimeSpan TellPatience = TimeSpan.FromMilliseconds(500);
    private readonly CancellationTokenSource _source = new();
    private readonly Func<string>? _describeAbandoned;
    private readonly PosixSignalRegistration[] _signals;
    private readonly ControllingTerminal _terminal = new();
    private volatile Action? _reload;
    private int _received;

    /// <summary>Listens to the signals.</summary>
    /// <param name="describeAbandoned">One sentence on what the second signal leaves undone; null for verbs that hold nothing.</param>
    public ShutdownSignal(Func<string>? describeAbandoned = null)
    {
        _describeAbandoned = describeAbandoned;
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Received(context, 130)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Received(context, 143)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, HungUp),
        ];
    }

    /// <summary>Cancelled at the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>
    /// From now on a SIGHUP that somebody sent calls this in place of ending. It must neither wait nor throw.
    /// </summary>
    public Action? Reload
    {
        set => _reload = value;
    }

    public void Dispose()
    {
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        _source.Dispose();
    }

    private void HungUp(PosixSignalContext context)
    {
        if (_reload is { } reload && !_terminal.IsClosed)
        {
            context.Cancel = true;
            reload();
            return;
        }

        Received(context, 129);
    }

    private void Received(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _received) == 1)
        {
            _source.Cancel();
            return;
        }

        if (_describeAbandoned is { } describe)
        {
            var telling = new Thread(() => Tell(describe())) { IsBackground = true };
            telling.Start();
            telling.Join(TellPatience);
        }

        Environment.Exit(exitCode);
    }

    private static void Tell(string what)
    {
        try
        {
            new StandardOutput(2).Write(Encoding.UTF8.GetBytes($"kvmi-policy: {what}\n"));
        }
        catch (IOException)
        {
            // Nobody reads stderr either: there is nobody to tell.
            return;
        }
    }
}
