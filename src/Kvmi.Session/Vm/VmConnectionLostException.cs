namespace Kvmi.Session.Vm;

/// <summary>The connection to a VM ended while a command waited, or the session is stopping. Unwinds the owner thread; policies never see it.</summary>
public sealed class VmConnectionLostException : Exception
{
    /// <summary>Says which peer was lost and why.</summary>
    public VmConnectionLostException(string message)
        : base(message)
    {
    }

    /// <summary>Says which peer was lost and why.</summary>
    public VmConnectionLostException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
