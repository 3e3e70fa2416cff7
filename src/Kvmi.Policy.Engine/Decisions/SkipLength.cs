using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>The length of the current event's instruction, found at most once per event and only when a vote asks for it.</summary>
internal sealed class SkipLength
{
    private const int MaxLength = 15;
    private readonly VmContext _context;
    private bool _asked;

    public SkipLength(VmContext context) => _context = context;

    /// <summary>1 to 15, or 0 when it was not found.</summary>
    public int Length { get; private set; }

    public void Reset()
    {
        _asked = false;
        Length = 0;
    }

    public bool TryFind(in EventFrame frame)
    {
        if (!_asked)
        {
            _asked = true;
            if (frame.Kind == EventKind.Breakpoint && !_context.Event.OwnBreakpoint)
            {
                Length = frame.InstructionLength <= MaxLength ? frame.InstructionLength : 0;
            }
            else
            {
                _context.Instructions.TryFind(in frame.Regs, in frame.Sregs, frame.Mode, out var length);
                Length = length;
            }
        }

        return Length > 0;
    }
}
