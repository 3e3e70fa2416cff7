namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The VM as policies see it.</summary>
internal sealed class GuestVm : IGuestVm
{
    private readonly VmContext _context;

    public GuestVm(VmContext context) => _context = context;

    public string Name => _context.Vm.Identity.Name;

    public Guid Uuid => _context.Vm.Identity.Uuid;

    public int VcpuCount => _context.Traps.VcpuCount;
}
