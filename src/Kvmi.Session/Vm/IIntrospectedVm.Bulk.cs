using Kvmi.Protocol;
using Kvmi.Session.Vm.Batches;
using Kvmi.Session.Vm.Pausing;

namespace Kvmi.Session.Vm;

/// <content>Many things at once: memory ranges, page rights, all vCPUs, batches.</content>
public partial interface IIntrospectedVm
{
    /// <summary>
    /// Reads many ranges of guest-physical memory, one behind the other into one buffer. The requests leave together, as many as fit
    /// (128 pages, 32 KiB of answers), and every range gets its own result. Allocates nothing.
    /// </summary>
    /// <param name="ranges">What to read; ranges may cross pages.</param>
    /// <param name="destination">At least as long as all ranges together.</param>
    /// <param name="results">At least one place for each range: the error of its first page that failed.</param>
    /// <returns>The first error of all; None when every range was read.</returns>
    /// <exception cref="ArgumentException">A length is negative, or a buffer is too short.</exception>
    KvmiError ReadPhysical(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<KvmiError> results)
    {
        MemoryRange.Check(ranges, destination.Length, results.Length);
        var first = KvmiError.None;
        for (var i = 0; i < ranges.Length; i++)
        {
            results[i] = ReadPhysical(ranges[i].Gpa, destination[..ranges[i].Length]);
            first = first == KvmiError.None ? results[i] : first;
            destination = destination[ranges[i].Length..];
        }

        return first;
    }

    /// <summary>
    /// Reads the access rights of pages. Only rfc-v5 can be asked; in the other dialects the tool has to remember what it set.
    /// </summary>
    /// <param name="gpas">Any address in each page.</param>
    /// <param name="access">At least one place for each address; pages that were never restricted read as all rights.</param>
    /// <exception cref="ArgumentException">The second buffer is shorter than the first.</exception>
    KvmiError GetPageAccess(ReadOnlySpan<ulong> gpas, Span<PageAccess> access) => throw VmStandIn.Lacks(this, CommandKind.GetPageAccess);

    /// <summary>
    /// Stops every vCPU and proves it: it returns when each of them waits in an event that nobody has answered, its PAUSE event or
    /// one that it sent before. From then on, until <see cref="ResumeAll"/>, the session answers none of them and gives the handler no event;
    /// the PAUSE events that it asked for itself it never shows to the handler. The handler may return meanwhile; if one of its members
    /// throws, the session resumes.
    /// </summary>
    /// <param name="timeout">How long to wait for the events. A vCPU that waits for its start sends none.</param>
    /// <returns>Which vCPUs stand, and which do not. Also after an incomplete stop, <see cref="ResumeAll"/> has to follow.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time limit is negative.</exception>
    PauseResult PauseAll(TimeSpan timeout) => throw VmStandIn.Lacks(this, CommandKind.PauseVcpu);

    /// <summary>Lets the vCPUs go on that <see cref="PauseAll"/> stopped. Without effect when nothing is stopped.</summary>
    void ResumeAll()
    {
    }

    /// <summary>
    /// Begins a batch: commands that are collected, leave in one write, and have a result each. The batch belongs to the owner thread.
    /// </summary>
    VmBatch StartBatch() => throw new NotSupportedException("This stand-in for a VM has no batches.");
}
