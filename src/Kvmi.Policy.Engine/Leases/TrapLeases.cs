using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Events, CR and MSR traps of one VM, each held by any number of policies. A command goes out only when the first holder
/// comes or the last one goes, on every vCPU the holder is for. For the VM's owner thread.
/// </summary>
internal sealed class TrapLeases : ITrapCommands
{
    private const int MaxVcpus = 4096;
    private readonly IIntrospectedVm _vm;
    private readonly Action<LeaseFault> _report;
    private readonly List<TrapDemand> _holders = [];
    private readonly List<VcpuTraps> _vcpus = [];
    private bool _hotPlug;

    public TrapLeases(IIntrospectedVm vm, Action<LeaseFault> report)
    {
        _vm = vm;
        _report = report;
        for (var i = 0; i < Math.Min(vm.VcpuCount, MaxVcpus); i++)
        {
            _vcpus.Add(new VcpuTraps((ushort)i));
        }
    }

    /// <summary>vCPUs known so far, hot-plugged ones included.</summary>
    public int VcpuCount => _vcpus.Count;

    /// <summary>True when a vCPU was not initialised yet and <see cref="Retry"/> has work.</summary>
    public bool HasPending => _vcpus.Exists(vcpu => vcpu.Pending > 0);

    /// <summary>
    /// True when vCPUs that are plugged in have to be looked for: somebody holds traps, and the VM has no event that would tell.
    /// </summary>
    public bool LooksForVcpus => _holders.Count > 0 && !_hotPlug && !_vm.Capabilities.Events.Contains(EventKind.CreateVcpu);

    /// <summary>Takes everything a policy needs, or nothing.</summary>
    /// <returns>What the kernel refused; null when all is in place.</returns>
    public LeaseFault? Acquire(TrapDemand demand)
    {
        foreach (var vcpu in _vcpus)
        {
            if (HoldAll(vcpu, demand) is { } fault)
            {
                foreach (var earlier in _vcpus.TakeWhile(v => v != vcpu))
                {
                    LetGoAll(earlier, demand);
                }

                return fault;
            }
        }

        _holders.Add(demand);
        UpdateHotPlug();
        return null;
    }

    /// <summary>Gives back what a policy took. Errors are reported, the rest goes on.</summary>
    public void Release(TrapDemand demand)
    {
        if (!_holders.Remove(demand))
        {
            return;
        }

        foreach (var vcpu in _vcpus)
        {
            LetGoAll(vcpu, demand);
        }

        UpdateHotPlug();
    }

    /// <summary>A vCPU exists from now on, or exists anew: it gets the traps of all holders.</summary>
    public void VcpuCreated(ushort index)
    {
        if (index < _vcpus.Count)
        {
            if (_vcpus[index].InstallAgain(this, all: true) is var error and not KvmiError.None)
            {
                _report(new LeaseFault($"arming vCPU {index} again", error));
            }

            return;
        }

        if (index >= MaxVcpus)
        {
            _report(new LeaseFault($"arming hot-plugged vCPU {index} (at most {MaxVcpus} are served)", KvmiError.InvalidArgument));
            return;
        }

        // vCPUs are numbered without gaps: where one is seen, those before it exist too, whether their events came or not.
        while (_vcpus.Count <= index)
        {
            Add(new VcpuTraps((ushort)_vcpus.Count));
        }
    }

    /// <summary>Tries again what a vCPU was not ready for.</summary>
    public void Retry()
    {
        foreach (var vcpu in _vcpus)
        {
            if (vcpu.Pending > 0 && vcpu.InstallAgain(this, all: false) is var error and not KvmiError.None)
            {
                _report(new LeaseFault($"arming vCPU {vcpu.Index} after a wait", error));
            }
        }
    }

    KvmiError ITrapCommands.Control(ushort vcpu, TrapKind kind, uint number, bool enable) => kind switch
    {
        TrapKind.Event => _vm.ControlEvents(vcpu, (EventKind)number, enable),
        TrapKind.Cr => _vm.ControlCr(vcpu, number, enable),
        _ => _vm.ControlMsr(vcpu, number, enable),
    };

    private static string Describe(TrapKind kind, uint number, ushort vcpu) => kind switch
    {
        TrapKind.Event => $"event {((EventKind)number).ToString().ToLowerInvariant()} on vCPU {vcpu}",
        TrapKind.Cr => $"trap of CR{number} on vCPU {vcpu}",
        _ => $"trap of MSR 0x{number:x} on vCPU {vcpu}",
    };

    private static IEnumerable<(TrapKind Kind, uint Number)> TrapsOf(TrapDemand demand, ushort vcpu)
    {
        if (demand.PageFaults)
        {
            yield return (TrapKind.Event, (uint)EventKind.PageFault);
        }

        if (!demand.Covers(vcpu))
        {
            yield break;
        }

        foreach (var kind in demand.Events)
        {
            yield return (TrapKind.Event, (uint)kind);
        }

        foreach (var cr in demand.Crs)
        {
            yield return (TrapKind.Cr, cr);
        }

        foreach (var msr in demand.Msrs)
        {
            yield return (TrapKind.Msr, msr);
        }
    }

    private void Add(VcpuTraps vcpu)
    {
        _vcpus.Add(vcpu);
        foreach (var demand in _holders)
        {
            if (HoldAll(vcpu, demand) is { } fault)
            {
                _report(fault);
            }
        }
    }

    private LeaseFault? HoldAll(VcpuTraps vcpu, TrapDemand demand)
    {
        var held = 0;
        foreach (var (kind, number) in TrapsOf(demand, vcpu.Index))
        {
            var error = vcpu.Hold(this, kind, number);
            if (error != KvmiError.None)
            {
                foreach (var (heldKind, heldNumber) in TrapsOf(demand, vcpu.Index).Take(held).Reverse().ToArray())
                {
                    LetGo(vcpu, heldKind, heldNumber);
                }

                return new LeaseFault(Describe(kind, number, vcpu.Index), error);
            }

            held++;
        }

        return null;
    }

    private void LetGoAll(VcpuTraps vcpu, TrapDemand demand)
    {
        foreach (var (kind, number) in TrapsOf(demand, vcpu.Index).Reverse().ToArray())
        {
            LetGo(vcpu, kind, number);
        }
    }

    private void LetGo(VcpuTraps vcpu, TrapKind kind, uint number)
    {
        var error = vcpu.LetGo(this, kind, number);
        if (error != KvmiError.None)
        {
            _report(new LeaseFault($"giving back {Describe(kind, number, vcpu.Index)}", error));
        }
    }

    private void UpdateHotPlug()
    {
        var wanted = _holders.Count > 0
            && _vm.Capabilities.Events.Contains(EventKind.CreateVcpu)
            && _vm.Capabilities.Commands.Contains(CommandKind.ControlVmEvents);
        if (wanted == _hotPlug)
        {
            return;
        }

        var error = _vm.ControlVmEvents(EventKind.CreateVcpu, wanted);
        if (error == KvmiError.None)
        {
            _hotPlug = wanted;
            if (wanted && _vm.RefreshVcpuCount() is var refusal and not KvmiError.None)
            {
                // One that was plugged in between the connection and now is announced by nothing any more.
                _report(new LeaseFault("asking how many vCPUs there are", refusal));
            }
        }
        else
        {
            _report(new LeaseFault($"switching the vCPU creation event {(wanted ? "on" : "off")}", error));
        }
    }
}
