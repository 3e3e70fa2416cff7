using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>May the tool keep its memory from being swapped out?</summary>
internal sealed class LockedMemoryCheck : IDoctorCheck
{
    private const string Name = "memlock";
    private const ulong Enough = 256 << 20;

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        var limit = context.System.Limit(LimitKind.LockedMemory);
        var privileged = context.System.User.Has(UserFacts.LockMemory);
        yield return (privileged || limit.Soft >= Enough
            ? new DoctorFinding(Name, DoctorStatus.Ok, $"Memory may be locked: {(privileged ? "as much as there is (CAP_IPC_LOCK)" : $"{LimitFacts.Text(limit.Soft)} bytes")}.")
            : new DoctorFinding(Name, DoctorStatus.Note, $"Only {LimitFacts.Text(limit.Soft)} bytes of memory may be locked; on a machine that swaps, answers can be late.",
                "Nothing has to be done; to rule it out raise the memlock limit (LimitMEMLOCK= in a systemd unit) or switch swap off."))
            with
        {
            Fields = [new("limit", LimitFacts.Text(limit.Soft)), new("privileged", privileged)],
        };
    }
}
