using System.Globalization;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The steps of one policy instance.</summary>
internal sealed class PolicySinglestep : ISinglestepLeases
{
    private const int MaxInstructions = 1_000_000;
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;
    private bool _auditTold;

    public PolicySinglestep(VmContext context, PolicyInstance policy)
    {
        _context = context;
        _policy = policy;
    }

    public bool Start(ushort vcpu, int instructions = 1)
    {
        if (instructions is < 1 or > MaxInstructions)
        {
            throw new ArgumentOutOfRangeException(nameof(instructions), instructions, $"A policy steps 1 to {MaxInstructions} instructions.");
        }

        if (!_policy.Demand.HearsSteps(vcpu))
        {
            // Nobody would hear of the step, and v7 kernels tell of none that is not subscribed to.
            throw new InvalidOperationException($"Policy {_policy.Id} steps vCPU {vcpu} but does not subscribe to singlestep events there.");
        }

        using var custody = _context.Foreign.Enter();
        if (!_policy.Enforcing)
        {
            TellAudit(vcpu, instructions);
            return false;
        }

        return _policy.Owner is { } owner
            && _context.Offers(CommandKind.ControlSinglestep)
            && _context.Singlesteps.Start(owner, vcpu, instructions) == KvmiError.None;
    }

    public void Stop(ushort vcpu)
    {
        using var custody = _context.Foreign.Enter();
        if (_policy.Owner is { } owner)
        {
            _context.Singlesteps.Release(owner, vcpu);
        }
    }

    public int Remaining(ushort vcpu) => _policy.Owner is { } owner ? _context.Singlesteps.Remaining(owner, vcpu) : 0;

    private void TellAudit(ushort vcpu, int instructions)
    {
        if (!_auditTold)
        {
            _auditTold = true;
            _context.Status(
                "would-singlestep",
                _policy.Id,
                string.Create(CultureInfo.InvariantCulture, $"Policy {_policy.Id} would have stepped vCPU {vcpu} for {instructions} instructions; in audit mode it does not. Told once."));
        }
    }
}
