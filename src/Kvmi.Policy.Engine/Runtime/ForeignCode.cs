using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Session.Deadlines;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>
/// Lends the VM's thread to code of policies, one call at a time, and knows whose it is. The engine's own code always comes back; only
/// between <see cref="Begin(PolicyInstance, ForeignCall, TimeSpan)"/> and <see cref="End"/> can the thread be lost.
/// </summary>
internal sealed class ForeignCode
{
    private readonly VmCustody _custody;

    public ForeignCode(VmCustody custody) => _custody = custody;

    /// <summary>The instance whose code runs, or did when the thread was lost; null between the calls.</summary>
    public PolicyInstance? Running { get; private set; }

    /// <summary>What is called.</summary>
    public ForeignCall Call { get; private set; }

    /// <summary>The budget of the thread that is lent.</summary>
    public ScriptMeter? Meter { get; private set; }

    /// <summary>True when the current event was answered, or is to be, without waiting for its policies.</summary>
    public bool HasPassed => _custody.HasPassed;

    /// <summary>True when a thread that does not come back is replaced.</summary>
    public bool IsWatched => _custody.IsWatched;

    /// <summary>True on a thread that was replaced.</summary>
    public bool IsLost => _custody.IsLost;

    /// <summary>The time at which the current event began, by a clock.</summary>
    public long EventStart(TimeProvider time) => _custody.EventStart(time);

    /// <summary>Code of the instance is called next.</summary>
    public void Begin(PolicyInstance instance, ForeignCall call, TimeSpan limit) => Begin(instance, call, limit, ScriptMeter.Current);

    /// <summary>Code of the instance is called next, on a thread whose meter is known.</summary>
    public void Begin(PolicyInstance instance, ForeignCall call, TimeSpan limit, ScriptMeter meter)
    {
        Running = instance;
        Call = call;
        Meter = meter;
        _custody.Lend(limit, ofEvent: call == ForeignCall.Handler);
    }

    /// <summary>The code has returned or thrown.</summary>
    /// <returns>False when it did so after its deadline.</returns>
    /// <exception cref="HandlerAbandonedException">Another thread serves the VM by now; this one must end without touching anything.</exception>
    public bool End()
    {
        var inTime = _custody.Reclaim();
        Forget();
        return inTime;
    }

    /// <summary>Policy code asks the engine for something.</summary>
    /// <exception cref="EventDeadlineException">Its deadline has passed.</exception>
    /// <exception cref="HandlerAbandonedException">Another thread serves the VM by now.</exception>
    public CustodyScope Enter() => _custody.Enter();

    /// <summary>The thread was lost: gives whose code has it, and forgets it.</summary>
    public PolicyInstance? TakeHung(out ForeignCall call)
    {
        var hung = Running;
        call = Call;

        // Metered code ends by itself then; other code keeps its thread until it returns.
        Meter?.Stop();
        Forget();
        return hung;
    }

    private void Forget()
    {
        Running = null;
        Meter = null;
    }
}
