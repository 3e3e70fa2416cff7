namespace Kvmi.Session.Deadlines;

/// <summary>A visit of code that may be replaced to code that may not; disposing it ends the visit.</summary>
public readonly ref struct CustodyScope
{
    private readonly VmCustody? _custody;

    internal CustodyScope(VmCustody custody) => _custody = custody;

    /// <summary>Ends the visit. The code that was visited from may be replaced again.</summary>
    public void Dispose() => _custody?.Leave();
}
