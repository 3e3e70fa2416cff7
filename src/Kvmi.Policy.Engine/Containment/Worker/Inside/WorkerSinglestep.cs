namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>Steps are not offered to untrusted policies: a worker that dies would leave a vCPU stepping with nobody to hear of it.</summary>
internal sealed class WorkerSinglestep(string policyId) : ISinglestepLeases
{
    public bool Start(ushort vcpu, int instructions = 1) => throw new InvalidOperationException(
        $"Policy {policyId} is untrusted, and untrusted policies cannot single-step; load the policy as trusted.");

    public void Stop(ushort vcpu)
    {
    }

    public int Remaining(ushort vcpu) => 0;
}
