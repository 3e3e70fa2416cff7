using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Vm;

namespace Kvmi.Examples;

/// <summary>Prints where the vCPUs of the first VM are, and the code there.</summary>
internal static class ListVcpus
{
    public static async Task RunAsync(string endpoint, TextWriter output)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse(endpoint)] };
        await using var server = new KvmiServer(options, vm => new Lister(vm, output, done));
        server.Start();
        await done.Task;
    }

    private sealed class Lister(IIntrospectedVm vm, TextWriter output, TaskCompletionSource done) : VmHandler
    {
        public override void Attached()
        {
            output.WriteLine($"{vm.Identity.Name}: {vm.Capabilities.Dialect}, {vm.VcpuCount} vCPUs");
            for (ushort vcpu = 0; vcpu < vm.VcpuCount; vcpu++)
            {
                var error = vm.GetRegisters(vcpu, out var state, []);
                output.WriteLine(error == KvmiError.None
                    ? $"vCPU {vcpu}: rip 0x{state.Regs.Rip:x}, cr3 0x{state.Sregs.Cr3:x}, code {Code(vcpu, state.Regs.Rip)}"
                    : $"vCPU {vcpu}: {error}");
            }

            done.TrySetResult();
        }

        private string Code(ushort vcpu, ulong rip)
        {
            Span<byte> code = stackalloc byte[8];
            return vm.TranslateGva(vcpu, rip, out var gpa) == KvmiError.None && gpa is { } address
                && vm.ReadPhysical(address, code) == KvmiError.None
                ? Convert.ToHexString(code)
                : "not mapped";
        }
    }
}
