using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>
/// A policy in one line: <c>msr[lstar] when changed &amp;&amp; old != 0 => keep, alert("lstar")</c>. It stands for a policy file, which the ordinary
/// loader reads: what filters can say becomes a filter, the rest C#. Immutable; safe for any thread.
/// </summary>
public sealed class OneLiner
{
    private readonly Subject _subject;
    private readonly Outcome _outcome;

    private OneLiner(string text, PolicyEventInfo info, Subject subject, Outcome outcome)
    {
        Text = text;
        Event = info;
        _subject = subject;
        _outcome = outcome;
    }

    /// <summary>As it was given.</summary>
    public string Text { get; }

    /// <summary>The event that it is about.</summary>
    public PolicyEventInfo Event { get; }

    /// <summary>What it decides.</summary>
    public DecisionKind Decision => _outcome.Decision;

    /// <summary>True when it counts by a key.</summary>
    public bool Counts => _outcome.Counts.Count > 0;

    /// <summary>True when a decision and at most one alert is all of it, so that its policy needs no script.</summary>
    public bool IsData =>
        _subject.Conditions.Count == 0 && !_outcome.HasFields && _outcome.Counts.Count == 0 && _outcome.Records.Count == 0
        && _outcome.Alerts.Count <= 1 && DecisionWords.IsPlain(_outcome.Decision);

    internal Subject Subject => _subject;

    internal Outcome Outcome => _outcome;

    internal string Handler => $"On{string.Concat(Event.Name.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]))}";

    /// <summary>Reads a one-liner.</summary>
    /// <param name="text">EVENT[KEY] when CONDITION => DECISION, ACTION, ...</param>
    /// <exception cref="OneLinerException">It cannot be understood.</exception>
    public static OneLiner Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new Tokens(text);
        var start = tokens.Next.Start;
        var info = SubjectReader.ReadEvent(tokens);
        var reader = new ExpressionReader(tokens, info);
        var subject = SubjectReader.Read(tokens, info, reader);
        if (tokens.TryTake("when"))
        {
            var condition = reader.ReadCondition();
            foreach (var part in condition.Conjuncts.Count > 0 ? condition.Conjuncts : [condition])
            {
                subject.Add(part);
                subject.Demands.Add(part.Demand ?? new Demand("", DemandKind.Unknown, 0));
            }
        }

        tokens.Expect("=>", tokens.Is("=") || tokens.Is("-") ? "the arrow is =>" : "EVENT[KEY] when CONDITION => DECISION, ACTION");
        var outcome = new OutcomeReader(tokens, info, reader).Read();
        Check(tokens, info, subject, start);
        return new OneLiner(text, info, subject, outcome);
    }

    // What the loader would say about the file, said about the line.
    private static void Check(Tokens tokens, PolicyEventInfo info, Subject subject, int start)
    {
        if (info.Kind == EventKind.Msr && subject.Find("msr") is not { Ranges.Count: > 0 })
        {
            throw tokens.Error(start, "Which MSR is meant is missing.", "msr[lstar], msr[lstar, star], msr[0x174-0x177]");
        }

        if (info.Kind == EventKind.PageFault)
        {
            if (subject.Find("gpa") is not { } range)
            {
                throw tokens.Error(start, "Which pages are meant is missing: access to them is taken away, so that the guest faults.", "pf[0x1000-0x2000:w], pf[w] when gpa in 0x1000..0x2000");
            }

            if (subject.Find("access") is null)
            {
                throw tokens.Error(start, "Which access is meant is missing.", $"pf[{range.Value}:w]; r, w, x or several of them");
            }
        }
    }
}
