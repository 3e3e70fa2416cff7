namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>Breakpoints are not offered to untrusted policies: a worker that dies would leave hits that nobody decides.</summary>
internal sealed class WorkerBreakpoints(string policyId) : IBreakpointLeases
{
    public bool Set(ulong gpa) => throw new InvalidOperationException(
        $"Policy {policyId} is untrusted, and untrusted policies cannot set breakpoints; guard the page with Pages.Set, or load the policy as trusted.");

    public void Release(ulong gpa)
    {
    }

    public bool IsSet(ulong gpa) => false;
}
