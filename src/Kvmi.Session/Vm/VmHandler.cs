using Kvmi.Protocol.Events;

namespace Kvmi.Session.Vm;

/// <summary>
/// A handler that does nothing: every event is answered with "continue, with the guest's new value". Derive from it and override what
/// matters. Its members are called as <see cref="IVmHandler"/> says.
/// </summary>
public abstract class VmHandler : IVmHandler
{
    /// <inheritdoc/>
    public virtual void Attached()
    {
    }

    /// <inheritdoc/>
    public virtual void OnEvent(in EventFrame frame, ref EventReply reply)
    {
    }

    /// <inheritdoc/>
    public virtual void OnNotification(in EventFrame frame)
    {
    }

    /// <inheritdoc/>
    public virtual void Idle()
    {
    }

    /// <inheritdoc/>
    public virtual void Detaching(DetachReason reason)
    {
    }
}
