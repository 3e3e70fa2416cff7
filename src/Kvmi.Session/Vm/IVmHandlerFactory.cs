namespace Kvmi.Session.Vm;

/// <summary>Makes the handler of a VM that has just been attached. Called on the VM's owner thread.</summary>
public interface IVmHandlerFactory
{
    /// <summary>
    /// Makes the handler of one VM. Has <see cref="KvmiServerOptions.CallTimeout"/>: beyond it the thread is given up, and the VM, for which
    /// nobody can decide, is answered by default and its connection closed in order.
    /// </summary>
    IVmHandler Create(IIntrospectedVm vm);
}
