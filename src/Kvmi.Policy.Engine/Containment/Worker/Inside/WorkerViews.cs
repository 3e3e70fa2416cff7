namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>Views are not offered to untrusted policies: a worker that dies would leave a vCPU where its guards do not hold, with nobody to switch it back.</summary>
internal sealed class WorkerViews(string policyId) : IViewLeases
{
    public bool IsSupported => false;

    public bool TryCreate(out ushort view) => throw Refuse();

    public bool Switch(ushort vcpu, ushort view) => throw Refuse();

    public bool Back(ushort vcpu) => true;

    public ushort? Get(ushort vcpu) => null;

    private InvalidOperationException Refuse() => new(
        $"Policy {policyId} is untrusted, and untrusted policies cannot use EPT views; load the policy as trusted.");
}
