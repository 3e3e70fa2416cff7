using Kvmi.Policy.Engine.Shadow;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Runtime;

/// <content>The generation that is shown this VM's events and decides nothing.</content>
public sealed partial class VmPolicyHandler
{
    private ShadowRunner? _shadow;

    /// <summary>Shows an event to the shadow after it was decided: a copy, or nothing.</summary>
    private void ShowShadow(in EventFrame frame)
    {
        var book = _context.Engine.Shadow;
        if (!ReferenceEquals(book, _shadow?.Book))
        {
            _shadow?.Stop();
            _shadow = book is null || !_attached ? null : new ShadowRunner(book, _context.Vm, _context.Name, _context.Engine);
        }

        _shadow?.Offer(in frame, LastOutcome, _context.Memory.Cache);
    }

    private void EndShadow()
    {
        _shadow?.Stop();
        _shadow = null;
    }
}
