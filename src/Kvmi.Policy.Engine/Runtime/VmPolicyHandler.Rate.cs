using System.Globalization;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Runtime;

/// <content>Policies whose handlers were called more often than their rates allow.</content>
public sealed partial class VmPolicyHandler
{
    /// <summary>Carries out what a policy's rate says, after the event that exceeded it was decided.</summary>
    private void ApplyRate(PolicyInstance policy)
    {
        policy.RateDue = false;
        var rate = policy.Rate!.Rate;
        var cause = string.Create(
            CultureInfo.InvariantCulture, $"its handlers were called more than {rate.Limit} times within {rate.Window.TotalSeconds:0} s");
        if (rate.OnExceed == PolicyRateAction.Release)
        {
            policy.PagesReleased = true;
            if (policy.Owner is { } owner)
            {
                _context.Pages.Release(owner);
            }

            _context.Status(
                "released", policy.Id, $"Policy {policy.Id} guards no pages on this VM any more: {cause}. The next reload arms them again.");
            return;
        }

        Retire(policy);
        _context.Status(
            "disarmed",
            policy.Id,
            $"Policy {policy.Id} is out of service on this VM: {cause}. Its leases are given back, and the next reload tries it again.");
    }
}
