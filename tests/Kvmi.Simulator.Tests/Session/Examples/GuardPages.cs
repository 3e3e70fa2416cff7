using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Vm;

namespace Kvmi.Examples;

/// <summary>Takes the right to write from pages while all vCPUs stand, and reports the first write to each.</summary>
internal static class GuardPages
{
    public static async Task RunAsync(string endpoint, ulong[] pages, TextWriter output, CancellationToken stop)
    {
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse(endpoint)] };
        await using var server = new KvmiServer(options, vm => new Guard(vm, pages, output));
        server.Start();
        await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private sealed class Guard(IIntrospectedVm vm, ulong[] pages, TextWriter output) : VmHandler
    {
        public override void Attached()
        {
            var stopped = vm.PauseAll(TimeSpan.FromSeconds(2));
            output.WriteLine($"{stopped.Stopped.Count} of {vm.VcpuCount} vCPUs stand");
            Restrict(PageAccess.ReadExecute, on: true);
            vm.ResumeAll();
        }

        public override void OnEvent(in EventFrame frame, ref EventReply reply)
        {
            if (frame.Kind == EventKind.PageFault)
            {
                output.WriteLine($"vCPU {frame.Vcpu}: {frame.Access} at 0x{frame.Gpa:x}, rip 0x{frame.Regs.Rip:x}");
                vm.SetPageAccess([new PageAccessEntry(frame.Gpa & ~0xFFFUL, PageAccess.All)]);
                reply.Action = EventAction.Retry;
            }
        }

        public override void Detaching(DetachReason reason)
        {
            if (reason is DetachReason.Stopping or DetachReason.Unhook)
            {
                Restrict(PageAccess.All, on: false);
            }
        }

        private void Restrict(PageAccess access, bool on)
        {
            using var batch = vm.StartBatch();
            for (ushort vcpu = 0; vcpu < vm.VcpuCount; vcpu++)
            {
                batch.ControlEvents(vcpu, EventKind.PageFault, on);
            }

            var entry = batch.SetPageAccess([.. pages.Select(page => new PageAccessEntry(page, access))]);
            batch.Send();
            output.WriteLine($"{pages.Length} pages are {access}: {batch[entry]}");
        }
    }
}
