namespace Kvmi.Session.Deadlines;

/// <summary>What the watchdog sees of a custody at one moment.</summary>
/// <param name="Term">The number to compare with when it is changed.</param>
/// <param name="Start">When the current event began; 0 without one.</param>
/// <param name="Turn">Number of the current event, or of the current call where there is no event.</param>
/// <param name="Call">Number of the current call of a handler.</param>
/// <param name="Limit">How long that call may take; zero outside of one.</param>
/// <param name="BeganWithEvent">True for the first call of an event: its time counts from the event's start.</param>
internal readonly record struct CustodyView(long Term, long Start, long Turn, long Call, TimeSpan Limit, bool BeganWithEvent)
{
    public CustodyState State => VmCustody.StateOf(Term);

    /// <summary>True while anything is under way that may have a deadline.</summary>
    public bool IsOpen => Start != 0 || Limit != TimeSpan.Zero || State != CustodyState.Host;
}
