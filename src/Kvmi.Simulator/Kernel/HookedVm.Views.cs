using Kvmi.Protocol;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <summary>What a hook changes in the views of the machine; the machine forgets all of it when the hook ends.</summary>
internal sealed partial class HookedVm
{
    // Pages that were restricted in another view than 0, or in parts. One that no longer is stays here: the machine does not report it.
    private readonly HashSet<ulong> _pagesOfViews = [];

    /// <summary>Gives write access to parts of a page in view 0.</summary>
    public KvmiError SetWriteBitmap(ulong gpa, uint bitmap) => EditViews(views =>
    {
        _pagesOfViews.Add(gpa & ~0xFFFUL);
        return views.TrySetWriteBitmap(gpa, bitmap) ? KvmiError.None : Rules.PageAccessOutsideMemory;
    });

    /// <summary>Changes something in the views, unless the hook has ended: then nothing may be left behind.</summary>
    /// <param name="edit">The change and its answer.</param>
    public KvmiError EditViews(Func<IMachineViews, KvmiError> edit)
    {
        lock (_pageGate)
        {
            if (_pagesReleased)
            {
                return KvmiError.None;
            }

            if (Context.Machine.Views is not { } views)
            {
                return KvmiError.NotSupported;
            }

            NoteArmed();
            return edit(views);
        }
    }

    private KvmiError SetPageAccessInView(int view, ulong gpa, PageAccess access) => EditViews(views =>
    {
        _pagesOfViews.Add(gpa & ~0xFFFUL);
        return views.TrySetPageAccess(view, gpa, access) ? KvmiError.None : Rules.PageAccessOutsideMemory;
    });
}
