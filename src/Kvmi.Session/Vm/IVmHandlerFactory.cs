namespace Kvmi.Session.Vm;

/// <summary>Makes the handler of a VM that has just been attached. Called on the VM's owner thread.</summary>
public interface IVmHandlerFactory
{
    /// <summary>Makes the handler of one VM.</summary>
    IVmHandler Create(IIntrospectedVm vm);
}
