using System.Collections.Concurrent;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Conformance.Tests.Faults;

/// <summary>A tool that watches CR3 on every vCPU, reads registers and memory inside the events, and pauses a vCPU now and then.</summary>
internal sealed class PausingTool : IVmHandlerFactory
{
    private const int PauseEvery = 40;
    private static readonly TimeSpan PausePatience = TimeSpan.FromSeconds(2);

    /// <summary>Exceptions other than the loss of the connection that reached the tool.</summary>
    public ConcurrentQueue<string> Failures { get; } = [];

    public IVmHandler Create(IIntrospectedVm vm) => new Handler(this, vm);

    private sealed class Handler(PausingTool tool, IIntrospectedVm vm) : IVmHandler
    {
        private int _events;

        public void Attached() => Guarded(() =>
        {
            for (ushort vcpu = 0; vcpu < vm.VcpuCount; vcpu++)
            {
                vm.ControlEvents(vcpu, EventKind.Cr, true);
                vm.ControlCr(vcpu, 3, true);
            }
        });

        public void OnEvent(in EventFrame frame, ref EventReply reply)
        {
            var vcpu = frame.Vcpu;
            Guarded(() =>
            {
                Span<byte> page = stackalloc byte[64];
                vm.GetRegisters(vcpu, out _, []);
                vm.ReadPhysical(0x100_0000, page);
                if (++_events % PauseEvery != 0)
                {
                    return;
                }

                if (vm.Capabilities.Commands.Contains(CommandKind.PauseVcpu))
                {
                    vm.PauseVcpu((ushort)(_events % vm.VcpuCount), wait: true);
                }
                else
                {
                    // rfc-v5 pauses all or none.
                    vm.PauseAll(PausePatience);
                    vm.ResumeAll();
                }
            });
        }

        public void OnNotification(in EventFrame frame)
        {
        }

        public void Idle()
        {
        }

        public void Detaching(DetachReason reason)
        {
        }

        private void Guarded(Action body)
        {
            try
            {
                body();
            }
            catch (Exception exception) when (exception is not VmConnectionLostException)
            {
                tool.Failures.Enqueue(exception.ToString());
                throw;
            }
        }
    }
}
