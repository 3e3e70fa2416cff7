using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Output.Alerts;

/// <summary>What the output thread has to know about the policy that raised an alert. Nothing of it belongs to a generation's code.</summary>
/// <param name="Settings">How its alerts are thinned out.</param>
/// <param name="Windows">Its open windows on this VM. The output thread's alone.</param>
/// <param name="Statistics">Where its alerts are counted.</param>
internal sealed record AlertSource(PolicyAlertSettings Settings, AlertWindows Windows, PolicyStatistics Statistics);
