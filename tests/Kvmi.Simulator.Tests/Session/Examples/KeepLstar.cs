using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Vm;

namespace Kvmi.Examples;

/// <summary>Counts process switches, and lets LSTAR (where system calls enter the kernel) be set once.</summary>
internal static class KeepLstar
{
    private const uint Lstar = 0xC000_0082;

    public static async Task RunAsync(string endpoint, TextWriter output, CancellationToken stop)
    {
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse(endpoint)] };
        await using var server = new KvmiServer(options, vm => new Keeper(vm, output));
        server.Start();
        await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private sealed class Keeper(IIntrospectedVm vm, TextWriter output) : VmHandler
    {
        private long _switches;

        public override void Attached() => Watch(on: true);

        public override void OnEvent(in EventFrame frame, ref EventReply reply)
        {
            if (frame.Kind == EventKind.Cr)
            {
                _switches++;
            }
            else if (frame.Kind == EventKind.Msr && frame.Msr == Lstar && frame.OldValue != 0)
            {
                output.WriteLine($"vCPU {frame.Vcpu}: LSTAR stays 0x{frame.OldValue:x}, 0x{frame.NewValue:x} is not taken");
                reply.NewValue = frame.OldValue;
            }
        }

        public override void Detaching(DetachReason reason)
        {
            output.WriteLine($"{_switches} process switches; {reason}");
            if (reason is DetachReason.Stopping or DetachReason.Unhook)
            {
                Watch(on: false);
            }
        }

        private void Watch(bool on)
        {
            using var batch = vm.StartBatch();
            for (ushort vcpu = 0; vcpu < vm.VcpuCount; vcpu++)
            {
                batch.ControlEvents(vcpu, EventKind.Cr, on);
                batch.ControlEvents(vcpu, EventKind.Msr, on);
                batch.ControlCr(vcpu, 3, on);
                batch.ControlMsr(vcpu, Lstar, on);
            }

            if (batch.Send() is var error and not KvmiError.None)
            {
                output.WriteLine($"not everything could be switched: {error}");
            }
        }
    }
}
