namespace Kvmi.Policy.Host.Running;

/// <summary>
/// Tells a SIGHUP that somebody sent from the one of a terminal that closed: after the second nothing can open the terminal any more (tty_ioctl(2),
/// credentials(7)). A process that never had one, such as a service, cannot lose it.
/// </summary>
internal sealed class ControllingTerminal
{
    private readonly string _device;
    private readonly bool _wasThere;

    public ControllingTerminal(string device = "/dev/tty")
    {
        _device = device;
        _wasThere = CanOpen(device);
    }

    /// <summary>True once the terminal that this process began with is closed.</summary>
    public bool IsClosed => _wasThere && !CanOpen(_device);

    private static bool CanOpen(string device)
    {
        try
        {
            using var handle = File.OpenHandle(device, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
