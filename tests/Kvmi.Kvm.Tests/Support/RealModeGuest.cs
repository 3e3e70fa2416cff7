using Kvmi.Kvm.Devices;
using Kvmi.Protocol.Registers;

namespace Kvmi.Kvm.Tests.Support;

/// <summary>A VM with one page of memory at 0 and one vCPU in real mode that starts at <see cref="Start"/>.</summary>
internal sealed class RealModeGuest : IDisposable
{
    public const int Start = 0x500;

    private readonly KvmSystem _system;
    private readonly KvmVm _vm;

    public RealModeGuest(params byte[] code)
    {
        _system = RealKvm.Open();
        try
        {
            _vm = RealKvm.CreateVm(_system);
            Memory = _vm.AddMemory(0, 0, 4096);
            Memory.Write(Start, code);
            Vcpu = _vm.CreateVcpu(0);
            var special = Vcpu.GetSpecialRegisters();
            special.Cs.Base = 0;
            special.Cs.Selector = 0;
            Vcpu.SetSpecialRegisters(special);
            Vcpu.SetRegisters(new KvmRegs { Rip = Start, Rsp = 0x400, Rflags = 2 });
        }
        catch
        {
            _vm?.Dispose();
            _system.Dispose();
            throw;
        }
    }

    public GuestMemory Memory { get; }

    public KvmVcpu Vcpu { get; }

    public KvmVm Vm => _vm;

    public void Dispose()
    {
        _vm.Dispose();
        _system.Dispose();
    }
}
