namespace Kvmi.Policy.Host.Running;

/// <summary>What ended a run.</summary>
internal enum RunEnd
{
    Signal,
    Events,
    Duration,
    Scenario,
}
