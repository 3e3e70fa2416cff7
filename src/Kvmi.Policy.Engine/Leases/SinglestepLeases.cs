using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Which vCPUs carry out single instructions, and for whom. A vCPU steps while at least one owner has steps left; the command goes out with the
/// first owner and after the event of the last step. For the VM's owner thread.
/// </summary>
internal sealed class SinglestepLeases
{
    private readonly IIntrospectedVm _vm;
    private readonly Action<LeaseFault> _report;
    private readonly List<Stepping?> _vcpus = [];

    public SinglestepLeases(IIntrospectedVm vm, Action<LeaseFault> report)
    {
        _vm = vm;
        _report = report;
    }

    /// <summary>True from the first step on: events of steps that were given up meanwhile may still come.</summary>
    public bool WereUsed { get; private set; }

    /// <summary>Is the vCPU stepping at this moment?</summary>
    public bool IsStepping(ushort vcpu) => Find(vcpu) is { On: true };

    public int Remaining(LeaseOwner owner, ushort vcpu) =>
        Find(vcpu) is { } stepping && stepping.IndexOf(owner) is >= 0 and var index ? stepping.Shares[index].Left : 0;

    /// <summary>Gives an owner steps of a vCPU.</summary>
    /// <returns>The kernel's error; then the owner has no steps there.</returns>
    public KvmiError Start(LeaseOwner owner, ushort vcpu, int instructions)
    {
        if (vcpu >= _vm.VcpuCount)
        {
            return KvmiError.InvalidArgument;
        }

        while (_vcpus.Count <= vcpu)
        {
            _vcpus.Add(null);
        }

        var stepping = _vcpus[vcpu] ??= new Stepping();
        if (!stepping.On)
        {
            var error = _vm.ControlSinglestep(vcpu, enable: true);
            if (error != KvmiError.None)
            {
                return error;
            }

            stepping.On = true;
            WereUsed = true;
        }

        var index = stepping.IndexOf(owner);
        if (index < 0)
        {
            stepping.Shares.Add(new Share(owner, instructions));
        }
        else
        {
            stepping.Shares[index] = new Share(owner, instructions);
        }

        return KvmiError.None;
    }

    /// <summary>
    /// A vCPU has made a step: every owner has one less. The vCPU goes on stepping until <see cref="Settle(ushort)"/>, so that one who asks for the next
    /// step meanwhile costs no command.
    /// </summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="failed">The kernel says that it cannot step and has switched stepping off.</param>
    /// <param name="owners">Filled with those who wanted the step; grown when it is too small.</param>
    /// <returns>How many wanted it.</returns>
    public int TakeStep(ushort vcpu, bool failed, ref LeaseOwner[] owners)
    {
        if (Find(vcpu) is not { } stepping)
        {
            return 0;
        }

        var shares = stepping.Shares;
        var count = shares.Count;
        if (owners.Length < count)
        {
            Array.Resize(ref owners, count);
        }

        for (var i = 0; i < count; i++)
        {
            owners[i] = shares[i].Owner;
            shares[i] = shares[i] with { Left = shares[i].Left - 1 };
        }

        if (failed)
        {
            shares.Clear();
            stepping.On = false;
            return count;
        }

        for (var i = count - 1; i >= 0; i--)
        {
            if (shares[i].Left <= 0)
            {
                shares.RemoveAt(i);
            }
        }

        return count;
    }

    /// <summary>Ends the stepping of a vCPU that nobody wants any more.</summary>
    public void Settle(ushort vcpu)
    {
        if (Find(vcpu) is { On: true, Shares.Count: 0 } stepping)
        {
            // Also when the command fails: the event that comes again is answered, and this is called again.
            stepping.On = false;
            var error = _vm.ControlSinglestep(vcpu, enable: false);
            if (error != KvmiError.None)
            {
                _report(new LeaseFault($"ending the single-stepping of vCPU {vcpu}", error));
            }
        }
    }

    /// <summary>Ends the stepping of every vCPU that nobody wants to step any more.</summary>
    public void Settle()
    {
        for (var vcpu = 0; vcpu < _vcpus.Count; vcpu++)
        {
            Settle((ushort)vcpu);
        }
    }

    /// <summary>Takes an owner off one vCPU.</summary>
    public void Release(LeaseOwner owner, ushort vcpu)
    {
        if (Find(vcpu) is { } stepping && stepping.IndexOf(owner) is >= 0 and var index)
        {
            stepping.Shares.RemoveAt(index);
            Settle(vcpu);
        }
    }

    /// <summary>Takes an owner off all vCPUs.</summary>
    public void Release(LeaseOwner owner)
    {
        for (var vcpu = 0; vcpu < _vcpus.Count; vcpu++)
        {
            Release(owner, (ushort)vcpu);
        }
    }

    /// <summary>
    /// Stops stepping for the length of a command that the kernel refuses meanwhile: INJECT_EXCEPTION is answered with EBUSY (kvmi-later-dialects.md 3.7).
    /// </summary>
    /// <returns>True when it was on and <see cref="Resume"/> has to follow.</returns>
    public bool Suspend(ushort vcpu) =>
        Find(vcpu) is { On: true } && _vm.ControlSinglestep(vcpu, enable: false) == KvmiError.None;

    /// <summary>Goes on stepping. When the kernel refuses, the owners have no steps left, and that is told.</summary>
    public void Resume(ushort vcpu)
    {
        var error = _vm.ControlSinglestep(vcpu, enable: true);
        if (error != KvmiError.None && Find(vcpu) is { } stepping)
        {
            stepping.On = false;
            stepping.Shares.Clear();
            _report(new LeaseFault($"single-stepping vCPU {vcpu} on after an injection", error));
        }
    }

    /// <summary>A vCPU exists anew: it does not step.</summary>
    public void VcpuCreated(ushort vcpu)
    {
        if (Find(vcpu) is { On: true })
        {
            Resume(vcpu);
        }
    }

    private Stepping? Find(ushort vcpu) => vcpu < _vcpus.Count ? _vcpus[vcpu] : null;

    private readonly record struct Share(LeaseOwner Owner, int Left);

    private sealed class Stepping
    {
        public List<Share> Shares { get; } = [];

        /// <summary>The kernel was told.</summary>
        public bool On { get; set; }

        public int IndexOf(LeaseOwner owner)
        {
            for (var i = 0; i < Shares.Count; i++)
            {
                if (ReferenceEquals(Shares[i].Owner, owner))
                {
                    return i;
                }
            }

            return -1;
        }
    }
}
