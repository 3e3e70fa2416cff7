namespace Kvmi.Policy.Engine.Model;

/// <summary>How a policy's alerts are thinned out.</summary>
/// <param name="DedupeBy">Names of the fields whose equality makes two alerts of one name the same; empty with a zero window means no thinning.</param>
/// <param name="DedupeWindow">How long an alert silences its equals.</param>
public sealed record PolicyAlertSettings(IReadOnlyList<string> DedupeBy, TimeSpan DedupeWindow);
