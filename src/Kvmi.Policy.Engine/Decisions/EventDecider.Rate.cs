using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime;

namespace Kvmi.Policy.Engine.Decisions;

/// <content>The rate of a policy: which of its calls are made.</content>
internal sealed partial class EventDecider
{
    /// <summary>Counts a call against the policy's rate, and notes what follows from an excess after the event.</summary>
    /// <returns>False when the handler is not called for this event.</returns>
    private bool IsAdmitted(PolicySet set, PolicyInstance policy, RateLimit rate)
    {
        var now = _context.Event.Timestamp;
        var admitted = rate.Admit(now);
        if (!rate.IsOver)
        {
            return true;
        }

        policy.Statistics.CountOverRate();
        if (rate.IsReportDue(now))
        {
            policy.Notices.WriteRateExceeded(rate);
            rate.Reported(now);
        }

        // Not now: the leases of the policy are in use until the event is answered.
        if (rate.Rate.OnExceed == PolicyRateAction.Disarm || (rate.Rate.OnExceed == PolicyRateAction.Release && !policy.PagesReleased))
        {
            policy.RateDue = true;
            set.QuarantineDue = true;
        }

        return admitted;
    }
}
