namespace Kvmi.Session.Vm;

/// <summary>A function as the factory of handlers.</summary>
internal sealed class HandlerFunction : IVmHandlerFactory
{
    private readonly Func<IIntrospectedVm, IVmHandler> _create;

    public HandlerFunction(Func<IIntrospectedVm, IVmHandler> create) => _create = create;

    public IVmHandler Create(IIntrospectedVm vm) => _create(vm);
}
