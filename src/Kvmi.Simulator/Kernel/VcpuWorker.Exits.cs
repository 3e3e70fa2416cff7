using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Kernel.Mapping;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <summary>Exits of the guest become events, answers become what happens next (kvmi-later-dialects.md 3.8 and 4.3).</summary>
internal sealed partial class VcpuWorker
{
    private const ulong IntrospectionHypercall = 34;
    private const ulong IntrospectionHypercallArgument = 24;
    private const int XsetbvLength = 3;

    private void Handle(in VcpuExit exit)
    {
        switch (exit.Kind)
        {
            case VcpuExitKind.Halted:
                _halted = true;
                if (_vcpu.Traps.Singlestep)
                {
                    HandleSinglestep();
                }

                break;
            case VcpuExitKind.Shutdown:
                _dead = true;
                LogMessages.TripleFault(_context.Logger, _vcpu.Index);
                _context.Driver.OnShutdown(_vcpu);
                break;
            case VcpuExitKind.CrWrite:
                HandleCr(in exit);
                break;
            case VcpuExitKind.MsrWrite:
                HandleMsr(in exit);
                break;
            case VcpuExitKind.XcrWrite:
                HandleXcr(in exit);
                break;
            case VcpuExitKind.Breakpoint:
                HandleBreakpoint(in exit);
                break;
            case VcpuExitKind.Hypercall:
                HandleHypercall();
                break;
            case VcpuExitKind.Descriptor:
                HandleDescriptor(in exit);
                break;
            case VcpuExitKind.Cpuid:
                HandleCpuid(in exit);
                break;
            case VcpuExitKind.PageAccess:
                HandlePageAccess(in exit);
                break;
            case VcpuExitKind.Singlestep:
                HandleSinglestep();
                break;
            case VcpuExitKind.Exception:
                HandleException(in exit);
                break;
            default:
                break;
        }
    }

    private void HandleCr(in VcpuExit exit)
    {
        _outcome.SetDefault(exit.NewValue);
        if (IsEnabled(EventKind.Cr) && !SendAndWait(EventBody.Cr((ushort)exit.Number, exit.OldValue, exit.NewValue)))
        {
            return;
        }

        if (_outcome.Action == EventAction.Continue)
        {
            _vcpu.CompleteCrWrite(_outcome.NewValue);
        }
        else if (Traits.RefusedWriteFaults)
        {
            RaiseGeneralProtection();
        }
        else if (!_outcome.RegistersSet)
        {
            _vcpu.CompleteCrWrite(exit.OldValue);
        }
    }

    private void HandleMsr(in VcpuExit exit)
    {
        _outcome.SetDefault(exit.NewValue);
        if (IsEnabled(EventKind.Msr) && _controlledMsrs.Contains(exit.Number)
            && !SendAndWait(EventBody.Msr(exit.Number, exit.OldValue, exit.NewValue)))
        {
            return;
        }

        if (_outcome.Action == EventAction.Continue)
        {
            _vcpu.CompleteMsrWrite(_outcome.NewValue);
        }
        else if (Traits.RefusedWriteFaults)
        {
            RaiseGeneralProtection();
        }
        else if (!_outcome.RegistersSet)
        {
            _vcpu.CompleteMsrWrite(exit.OldValue);
        }
    }

    private void HandleXcr(in VcpuExit exit)
    {
        _outcome.SetDefault(exit.NewValue);
        if (IsEnabled(EventKind.Xsetbv) && !SendAndWait(EventBody.Xsetbv((byte)exit.Number, exit.OldValue, exit.NewValue)))
        {
            return;
        }

        if (_outcome.Action == EventAction.Continue || Traits.SomeEventsOnlyTell)
        {
            _vcpu.CompleteXcrWrite();
        }
        else if (!_outcome.RegistersSet)
        {
            SkipInstruction(XsetbvLength);
        }
    }

    private void HandleBreakpoint(in VcpuExit exit)
    {
        _outcome.SetDefault(0);
        if (IsEnabled(EventKind.Breakpoint) && !SendAndWait(EventBody.Breakpoint(exit.Gpa, exit.Length)))
        {
            return;
        }

        if (_outcome.Action == EventAction.Continue)
        {
            _vcpu.CompleteBreakpoint();
        }
    }

    private void HandleHypercall()
    {
        _outcome.SetDefault(0);
        _vcpu.GetState(out var state);
        if (MapHypercalls.IsOne(in state))
        {
            CompleteHypercall(in state, MapHypercalls.Execute(_context, _vcpu, in state));
            return;
        }

        // The agent's request may come from user mode, any other call that nobody knows is refused there first (rfc-v5 6.1).
        var isRequest = IsGuestRequest(in state);
        var known = isRequest && IsEnabled(EventKind.Hypercall);
        if (known && !SendAndWait(EventBody.Plain(EventKind.Hypercall)))
        {
            return;
        }

        var done = known && (_outcome.Action == EventAction.Continue || Traits.SomeEventsOnlyTell);
        var failure = isRequest || state.Sregs.Ss.Dpl == 0 ? KvmiError.NoSuchCommand : KvmiError.NotPermitted;
        CompleteHypercall(in state, done ? 0 : (long)failure);
    }

    // Outside 64-bit mode the result has 32 bits.
    private void CompleteHypercall(in VcpuState state, long result) =>
        _vcpu.CompleteHypercall(state.Mode == 8 ? unchecked((ulong)result) : unchecked((uint)result));

    private static bool IsGuestRequest(in VcpuState state) => state.Mode == 8
        ? state.Regs is { Rax: IntrospectionHypercall, Rdi: IntrospectionHypercallArgument, Rsi: 0 }
        : (uint)state.Regs.Rax == IntrospectionHypercall && (uint)state.Regs.Rbx == IntrospectionHypercallArgument && (uint)state.Regs.Rcx == 0;

    private void HandleDescriptor(in VcpuExit exit)
    {
        _outcome.SetDefault(0);
        if (IsEnabled(EventKind.Descriptor) && !SendAndWait(EventBody.Descriptor(exit.Table, exit.IsWrite)))
        {
            return;
        }

        if (_outcome.Action == EventAction.Continue)
        {
            _vcpu.CompleteDescriptor();
        }
    }

    private void HandleCpuid(in VcpuExit exit)
    {
        _outcome.SetDefault(0);
        if (IsEnabled(EventKind.Cpuid) && !SendAndWait(EventBody.Cpuid(exit.Function, exit.Index, exit.Length)))
        {
            return;
        }

        if (_outcome.Action == EventAction.Continue)
        {
            _vcpu.CompleteCpuid();
        }
    }

    private void HandlePageAccess(in VcpuExit exit)
    {
        if (Traits.TracksReads)
        {
            HandleTrackedAccess(in exit);
            return;
        }

        _outcome.SetDefault(0);
        if (!AskAboutPage(in exit))
        {
            return;
        }

        // The captured kernels tell of a fetch once more when they emulate it (kvmi-v7-pagefault.hex, kvmi-v11-pagefault.hex: rip 0x11000).
        var again = _context.RepeatsFetchEvents && exit.Access == PageAccess.Execute
            && _outcome is { Action: EventAction.Continue, RegistersSet: false };
        if (again && !AskAboutPage(in exit))
        {
            return;
        }

        if (_outcome.Action != EventAction.Continue)
        {
            return;
        }

        if (_outcome.WholeRepeat)
        {
            _vcpu.CompletePageAccess(_outcome.ContextAddress, _outcome.Context, wholeRepeat: true);
        }
        else if (_outcome.Context.IsEmpty)
        {
            _vcpu.CompletePageAccess();
        }
        else
        {
            _vcpu.CompletePageAccess(_outcome.ContextAddress, _outcome.Context);
        }
    }

    private bool AskAboutPage(in VcpuExit exit) =>
        !IsEnabled(EventKind.PageFault) || _hook is not { } hook || !hook.Restricts(exit.Gpa)
        || SendAndWait(EventBody.PageFault(exit.Gva, exit.Gpa, exit.Access, (ushort)(_vcpu.Views?.Current ?? 0)));

    private void HandleSinglestep()
    {
        if (!_context.Rules.SinglestepNeedsEvent || IsEnabled(EventKind.Singlestep))
        {
            SendAndWait(EventBody.Singlestep(failed: false));
        }
    }

    // PAUSE and TRAP answer a command and need not be switched on (3.5).
    private void HandleException(in VcpuExit exit)
    {
        if (Traits.ReportsLostInjections)
        {
            ReportLostInjection(in exit);
            return;
        }

        _trapOutstanding = true;
        SendAndWait(EventBody.Trap(exit.Vector, exit.ErrorCode, exit.Address));
        _trapOutstanding = false;
    }

    private void SkipInstruction(int length)
    {
        _vcpu.GetState(out var state);
        state.Regs.Rip += (ulong)length;
        _vcpu.SetGeneralRegisters(in state.Regs);
    }
}
