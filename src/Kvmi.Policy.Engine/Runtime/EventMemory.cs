using Kvmi.Guest.Memory;
using Kvmi.Guest.Paging;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>
/// Physical memory of one VM as its policies read it: remembered for the length of an event, since the vCPU that waits can change
/// nothing. The others can; <see cref="IGuestMemory"/> tells policies so. For the VM's owner thread.
/// </summary>
internal sealed class EventMemory
{
    private readonly bool _remembers;

    public EventMemory(IIntrospectedVm vm, int pages)
    {
        // With 0 pages it serves one call at a time, so that a walk still asks for a table once.
        _remembers = pages > 0;
        Cache = new PageCache(new VmPhysicalMemory(vm), Math.Max(pages, PageCache.MinPages));
        Virtual = new VirtualReader(Cache);
    }

    public PageCache Cache { get; }

    public VirtualReader Virtual { get; }

    /// <summary>A call of a policy begins.</summary>
    /// <param name="inEvent">False in top-level statements, OnAttach and OnDetach: nothing stands still then.</param>
    public void BeginCall(bool inEvent)
    {
        if (!inEvent || !_remembers)
        {
            Cache.Forget();
        }
    }
}
