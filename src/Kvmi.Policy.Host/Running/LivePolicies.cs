using Kvmi.Policy.Engine;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Running;

internal sealed class LivePolicies : IDisposable
{
    public int Reloads => 0;
    public int FailedReloads => 0;
    public static LivePolicies? Start(VerbContext context, RunOptions options, PolicyEngine engine) => null;
    public void StopReloading() { }
    public void Dispose() { }
}
