using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Output;

/// <summary>The words of decision lines. Runs on the output thread, or for whoever asks for a reason; never on the event path.</summary>
internal static class OutputText
{
    public static DecisionOutput ToDecision(OutputSlot slot)
    {
        var isRegister = slot.Facts.Kind is EventKind.Cr or EventKind.Msr;
        return new DecisionOutput
        {
            Time = slot.Time,
            Vm = slot.Vm,
            Vcpu = slot.Facts.Vcpu,
            Event = slot.Facts.Kind,
            Rip = slot.Facts.Rip,
            Policy = slot.Winner,
            Decision = slot.Decision,
            Value = slot.HasValue ? slot.Value : null,
            Wanted = isRegister ? slot.Facts.New : null,
            Subject = Subject(in slot.Facts),
            WouldHave = slot.HasWouldHave ? slot.WouldHave : null,
            Reason = Reason(slot.Votes, slot.VoteCount, slot.Note),
            IsHarmless = slot.IsHarmless,
            Nanoseconds = slot.Nanoseconds,
            Votes = Votes(slot.Votes.AsSpan(0, Math.Min(slot.VoteCount, OutputSlot.MaxVotes))),
        };
    }

    public static string Subject(in EventFacts facts) => facts.Kind switch
    {
        EventKind.Cr => string.Create(CultureInfo.InvariantCulture, $"cr{facts.Number}"),
        EventKind.Msr => string.Create(CultureInfo.InvariantCulture, $"msr 0x{facts.Number:x}"),
        EventKind.PageFault => string.Create(CultureInfo.InvariantCulture, $"gpa 0x{facts.Gpa:x} {AccessText(facts.Access)}"),
        EventKind.Breakpoint => string.Create(CultureInfo.InvariantCulture, $"gpa 0x{facts.Gpa:x}"),
        EventKind.Descriptor => $"{facts.Descriptor.ToString().ToLowerInvariant()} {(facts.DescriptorWrite ? "load" : "store")}",
        EventKind.Xsetbv when facts.HasXsetbvValues => string.Create(CultureInfo.InvariantCulture, $"xcr{facts.Number}"),
        EventKind.Xsetbv => "xsetbv",
        EventKind.Trap => string.Create(CultureInfo.InvariantCulture, $"vector {facts.Number}"),
        EventKind.Cpuid => string.Create(CultureInfo.InvariantCulture, $"leaf 0x{facts.Number:x} index 0x{facts.Detail:x}"),
        EventKind.Singlestep => facts.Failed ? "step failed" : "step",
        EventKind.CreateVcpu => string.Create(CultureInfo.InvariantCulture, $"vcpu {facts.Vcpu}"),
        EventKind.Hypercall => "hypercall",
        _ => facts.Kind.ToString().ToLowerInvariant(),
    };

    public static DecisionVote[] Votes(ReadOnlySpan<OutputVote> votes)
    {
        var all = new DecisionVote[votes.Length];
        for (var i = 0; i < all.Length; i++)
        {
            ref readonly var vote = ref votes[i];
            all[i] = new DecisionVote(
                vote.Policy, vote.Kind, vote.Kind is DecisionKind.Set or DecisionKind.Keep ? vote.Value : null, vote.Audit, vote.Failed);
        }

        return all;
    }

    public static string Reason(ReadOnlySpan<OutputVote> votes, int count, string? note)
    {
        var text = new StringBuilder();
        var shown = Math.Min(count, votes.Length);
        for (var i = 0; i < shown; i++)
        {
            ref readonly var vote = ref votes[i];
            text.Append(i == 0 ? "" : ", ").Append(vote.Policy).Append(vote.Audit ? " would " : " votes ");
            text.Append(Word(vote.Kind));
            if (vote.Kind is DecisionKind.Set or DecisionKind.Keep)
            {
                text.Append(CultureInfo.InvariantCulture, $" 0x{vote.Value:x}");
            }

            if (vote.Failed)
            {
                text.Append(" (its handler failed)");
            }
        }

        if (count > shown)
        {
            text.Append(CultureInfo.InvariantCulture, $", and {count - shown} more votes");
        }

        if (count == 0 && note is null)
        {
            text.Append("no policy voted");
        }

        if (note is not null)
        {
            text.Append(text.Length == 0 ? "" : "; ").Append(note);
        }

        return text.ToString();
    }

    public static string Word(DecisionKind kind) => kind switch
    {
        DecisionKind.Allow => "allow",
        DecisionKind.Retry => "retry",
        DecisionKind.Set => "set",
        DecisionKind.Keep => "keep",
        DecisionKind.Skip => "skip",
        DecisionKind.Inject => "inject",
        DecisionKind.Crash => "crash",
        _ => kind.ToString(),
    };

    public static string AccessText(PageAccess access)
    {
        var text = "";
        text += (access & PageAccess.Read) != 0 ? "r" : "";
        text += (access & PageAccess.Write) != 0 ? "w" : "";
        text += (access & PageAccess.Execute) != 0 ? "x" : "";
        return text.Length == 0 ? "none" : text;
    }
}
