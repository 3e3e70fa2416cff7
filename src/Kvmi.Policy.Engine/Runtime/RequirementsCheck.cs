using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>Is a policy for this VM, and does the VM offer what the policy needs?</summary>
internal static class RequirementsCheck
{
    public static bool IsTarget(PolicyDefinition definition, VmIdentity identity)
    {
        var target = definition.Target;
        var isMeant = (target.Names.Count == 0 && target.Uuids.Count == 0)
            || NamePattern.MatchesAny(target.Names, identity.Name)
            || target.Uuids.Contains(identity.Uuid);
        return isMeant && (target.TaggedNames is null || NamePattern.MatchesAny(target.TaggedNames, identity.Name));
    }

    /// <summary>Why the policy cannot work on this VM, as one sentence; null when it can.</summary>
    public static string? FindMiss(PolicyDefinition definition, string vmName, VmCapabilities offers)
    {
        foreach (var (pattern, reason) in definition.Requires.OtherGuests)
        {
            if (NamePattern.Matches(pattern, vmName))
            {
                return reason;
            }
        }

        var written = definition.Requires.Dialects;
        if (written.Count > 0 && !written.Contains(offers.Dialect))
        {
            return $"it is written for {string.Join(", ", written.Select(Dialect.NameOf))} (requires.dialect), and this VM speaks {Dialect.NameOf(offers.Dialect)}.";
        }

        foreach (var command in definition.Requires.Commands)
        {
            if (!offers.Commands.Contains(command))
            {
                return Lacks("command", Word(command), "the policy requires", Why(command, offers));
            }
        }

        foreach (var kind in definition.Requires.Events)
        {
            if (!offers.Events.Contains(kind))
            {
                return Lacks("event", Word(kind), "the policy requires", Why(kind, offers));
            }
        }

        foreach (var subscription in definition.Subscriptions)
        {
            if (FindMiss(subscription, offers) is { } miss)
            {
                return miss;
            }
        }

        return definition.Watch.Count == 0
            ? null
            : Needs(offers, "its watch needs", EventKind.PageFault, CommandKind.ControlEvents, CommandKind.SetPageAccess);
    }

    /// <summary>
    /// What may be missing although the VM offers it, as one sentence; null when nothing is known. The kernels of the first series only set a bit
    /// of a mask: with EPT the processor loads CR3 without asking anybody, and no tool can see whether the host uses EPT.
    /// </summary>
    public static string? FindDoubt(PolicyDefinition definition, VmCapabilities offers) =>
        offers.Dialect == KvmiDialect.RfcV5
        && definition.Subscriptions.Any(subscription => subscription is { Event: EventKind.Cr, Filter.Cr: 3 or null })
            ? "on a host with EPT, kernels of the rfc-v5 dialect send no events for writes of CR3; the other control registers are not concerned."
            : null;

    private static string? FindMiss(PolicySubscription subscription, VmCapabilities offers)
    {
        var why = $"its subscription to {Word(subscription.Event)} needs";
        switch (subscription.Event)
        {
            case EventKind.Cr:
                if (subscription.Filter.Cr is { } cr and not (0 or 3 or 4))
                {
                    return $"CR{cr} cannot be trapped: the kernel traps CR0, CR3 and CR4.";
                }

                return Needs(offers, why, EventKind.Cr, CommandKind.ControlEvents, CommandKind.ControlCr);
            case EventKind.Msr:
                if (TrapDemand.CountMsrs(subscription.Filter) is 0 or > TrapDemand.MaxMsrs)
                {
                    return $"its subscription to msr names {TrapDemand.CountMsrs(subscription.Filter)} registers; 1 to "
                        + $"{TrapDemand.MaxMsrs} are possible.";
                }

                return Needs(offers, why, EventKind.Msr, CommandKind.ControlEvents, CommandKind.ControlMsr);
            case EventKind.PageFault:
                return Needs(offers, why, EventKind.PageFault, CommandKind.ControlEvents, CommandKind.SetPageAccess);
            case EventKind.Xsetbv when subscription.Filter.LooksAtValues && offers.Dialect is KvmiDialect.V7 or KvmiDialect.RfcV5:
                return $"its filter on xsetbv looks at values, and the {Dialect.NameOf(offers.Dialect)} dialect does not tell them.";
            case EventKind.Singlestep:
                return Needs(offers, why, EventKind.Singlestep, CommandKind.ControlEvents, CommandKind.ControlSinglestep);
            case EventKind.CreateVcpu:
                return Needs(offers, why, EventKind.CreateVcpu, CommandKind.ControlVmEvents);
            default:
                return Needs(offers, why, subscription.Event, CommandKind.ControlEvents);
        }
    }

    private static string? Needs(VmCapabilities offers, string why, EventKind kind, params ReadOnlySpan<CommandKind> commands)
    {
        if (!offers.Events.Contains(kind))
        {
            return Lacks("event", Word(kind), why, Why(kind, offers));
        }

        foreach (var command in commands)
        {
            if (!offers.Commands.Contains(command))
            {
                return Lacks("command", Word(command), why, Why(command, offers));
            }
        }

        return null;
    }

    private static string Lacks(string what, string name, string why, string reason) => $"{why} the {what} {name}, which {reason}.";

    private static string Why(EventKind kind, VmCapabilities offers) =>
        Why(offers.ForbiddenEvents.Contains(kind), offers.AbsentEvents.Contains(kind), offers);

    private static string Why(CommandKind kind, VmCapabilities offers) =>
        Why(offers.ForbiddenCommands.Contains(kind), offers.AbsentCommands.Contains(kind), offers);

    private static string Why(bool forbidden, bool absent, VmCapabilities offers) =>
        forbidden ? "the VM's administrator forbids (the introspection object of its device manager)"
        : absent ? $"this VM's kernel is too old for, though its dialect {Dialect.NameOf(offers.Dialect)} has it"
        : $"this VM does not offer in the {Dialect.NameOf(offers.Dialect)} dialect";

    private static string Word(EventKind kind) => PolicyEvents.Find(kind)?.Name ?? Kebab(kind.ToString());

    private static string Word(CommandKind kind) => Kebab(kind.ToString());

    private static string Kebab(string name) =>
        string.Concat(name.Select((letter, index) =>
            char.IsUpper(letter) ? (index == 0 ? "" : "-") + char.ToLowerInvariant(letter) : letter.ToString()));
}
