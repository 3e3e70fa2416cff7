using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Engine.Tests.Leases.Simulated;

/// <summary>When a vCPU that the guest plugs in gets the traps of the policies, in each dialect.</summary>
public sealed class HotPluggedVcpuTests
{
    // The guest never writes it, on no vCPU.
    private const uint SysenterEip = 0x176;

    public static TheoryData<KvmiDialect> Dialects => [.. Dialect.All.Select(dialect => dialect.Id)];

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task It_is_armed_although_it_never_has_an_event(KvmiDialect dialect)
    {
        // Nothing that the new vCPU does is trapped. What arms it is CREATE_VCPU (v7, rfc-v5) where it comes after the policy, or that the engine asks how
        // many there are: once in v7 and rfc-v5, since one that came before the policy is announced by nothing, and always in v11 and v12.
        await using var bench = new LeaseBench(dialect, "{program: hot-plug, vcpu: 0}");
        bench.Load(EngineBench.Loaded(
            EngineBench.Define("sysenter", EngineBench.On(EventKind.Msr, new Engine.Model.EventFilter { Msrs = [new Engine.Model.ValueRange(SysenterEip, SysenterEip)] })),
            EngineBench.Msr(() => Decision.Allow)));
        LeaseBench.Until(() => bench.Vcpu(2) is { IsInitialized: true } vcpu && vcpu.Traps.GetMsr(SysenterEip), "the new vCPU is armed");
        var result = await bench.EndAsync();
        Assert.False(result.Events.ContainsKey(EventKind.Msr));
        Assert.Empty(bench.State.FindDifferences());
        Assert.Empty(bench.Statuses("lease-error"));
    }
}
