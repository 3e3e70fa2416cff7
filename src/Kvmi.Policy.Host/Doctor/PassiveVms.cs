using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>Takes VMs and asks nothing of them: no event is switched on, and one that comes all the same goes on as the guest wanted.</summary>
internal sealed class PassiveVms : IVmHandlerFactory, IVmHandler
{
    public static PassiveVms Instance { get; } = new();

    public IVmHandler Create(IIntrospectedVm vm) => this;

    public void Attached()
    {
    }

    public void OnEvent(in EventFrame frame, ref EventReply reply)
    {
    }

    public void OnNotification(in EventFrame frame)
    {
    }

    public void Idle()
    {
    }

    public void Detaching(DetachReason reason)
    {
    }
}
