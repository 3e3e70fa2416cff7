namespace Kvmi.Simulator.Machine.Model;

/// <content>The vCPU's own view of memory, and VMFUNC (Intel SDM volume 3, "VM functions").</content>
internal sealed partial class ModelVcpu : IVcpuViews
{
    private const uint SwitchView = 0;

    // Bit n: VMFUNC may switch to view n.
    private uint _visibleViews;

    public IVcpuViews? Views => _machine.Has(MachineFeatures.Views) ? this : null;

    int IVcpuViews.Current => _view;

    bool IVcpuViews.TrySwitch(int view)
    {
        if ((uint)view >= Frame.MaxViews) return false;
        EnterView(view);
        return true;
    }

    bool IVcpuViews.TrySetVisible(int view, bool visible)
    {
        if ((uint)view >= Frame.MaxViews) return false;
        _visibleViews = visible ? _visibleViews | (1u << view) : _visibleViews & ~(1u << view);
        return true;
    }

    bool IVcpuViews.TryEnableVe(ulong gpa, bool exits)
    {
        if (!_machine.Has(MachineFeatures.VirtualizationExceptions) || (gpa & PageOffsetMask) != 0 || !_machine.IsBacked(gpa)) return false;
        _veInfoPage = gpa;
        _veExits = exits;
        _veEnabled = true;
        return true;
    }

    void IVcpuViews.DisableVe() => _veEnabled = false;

    void IVcpuViews.Reset()
    {
        EnterView(0);
        _visibleViews = 0;
        _veEnabled = false;
    }

    /// <summary>
    /// VMFUNC at any privilege level: function EAX, operand ECX. A function or view that is not offered exits on hardware, and KVM makes a #UD of that exit.
    /// </summary>
    private bool CallVmFunction()
    {
        var view = (uint)_gpr[Rcx];
        if (!_machine.Has(MachineFeatures.Vmfunc) || (uint)_gpr[Rax] != SwitchView) return RaiseInvalidOpcode();
        if (view >= Frame.MaxViews || (_visibleViews & (1u << (int)view)) == 0) return RaiseInvalidOpcode();
        EnterView((int)view);
        return true;
    }

    private void EnterView(int view)
    {
        _view = view;
        _viewShift = view * Frame.ViewShift;
    }
}
