using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Protocol;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Scripting;

/// <summary>What an author gets wrong in the first hour, and what the message says to do about it.</summary>
public sealed class AuthorMistakeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Decision OnMsr(MsrEvent e) => allow;", "CS0103", 31, "did you mean Allow?")]
    [InlineData("Decision OnMsr(MsrEvent e) { alert(\"x\"); return Allow; }", "CS0103", 30, "did you mean Alert?")]
    [InlineData("ulong limit = 1; Decision OnMsr(MsrEvent e) => e.New > limt ? Keep(e.Old) : Allow;", "CS0103", 56, "did you mean limit?")]
    [InlineData("Decision OnMsr(MsrEvnt e) => Allow;", "CS0246", 16, "did you mean MsrEvent?")]
    [InlineData("Decision OnMsr(MsrEvent e) => e.Rpi == 0 ? Allow : Keep(e.Old);", "CS1061", 33, "did you mean Rip?")]
    [InlineData("Decision OnMsr(MsrEvent e) => Inject(Exceptions.GeneralProtecton);", "CS0117", 49, "did you mean GeneralProtection?")]
    [InlineData("Decision OnMsr(MsrEvent e) => Memry.TryReadPhysical(0, 1) == null ? Allow : Keep(e.Old);", "CS0103", 31, "did you mean Memory?")]
    [InlineData("Decision OnMsr(MsrEvent e) => Keep;", "CS0428", 31, "write Keep(old)")]
    [InlineData("Decision OnMsr(MsrEvent e) => Allow();", "CS1955", 31, "write Allow without ()")]
    [InlineData("Decision OnMsr(MsrEvent e) { if (e.Old == 0) return Allow; }", "CS0161", 10, "a handler ends with a decision on every path, such as return Allow;")]
    public void The_compilers_error_comes_with_what_to_do(string script, string code, int column, string hint)
    {
        var finding = OnlyFinding(script, On(EventKind.Msr, "OnMsr"));
        Assert.Equal((code, column, hint), (finding.Code, finding.Location.Column, finding.Hint));
    }

    [Fact]
    public void A_field_that_resembles_none_is_answered_with_those_that_there_are()
    {
        var finding = OnlyFinding("Decision OnMsr(MsrEvent e) => e.PreviousContent == 0 ? Allow : Keep(e.Old);", On(EventKind.Msr, "OnMsr"));
        Assert.Equal("'MsrEvent' does not contain a definition for 'PreviousContent'", finding.Message);
        Assert.Equal("it has Changed, Cpl, Cr3, Frame, Msr, New, Old, Regs, Rip, Sregs, Vcpu", finding.Hint);
    }

    [Fact]
    public void A_file_of_errors_costs_a_bounded_number_of_hints()
    {
        var result = Build(Inline("p", string.Concat(Enumerable.Range(0, 500).Select(i => $"var a{i} = allow;\n"))));
        Assert.Null(result.Generation);
        Assert.Equal(20, result.Findings.Count(finding => finding.Hint is not null));
    }

    [Theory]
    [InlineData(EventKind.Msr, "Decision On(MsrEvent e) { if (e.Old == 0) return Allow; return Skip(); }", "Skip", 64)]
    [InlineData(EventKind.Msr, "Decision On(MsrEvent e) => e.Old == 0 ? Allow : Retry;", "Retry", 49)]
    [InlineData(EventKind.Cr, "Decision On(CrEvent e) => e.Cr switch { 3 => Decision.Retry, _ => Allow };", "Retry", 55)]
    [InlineData(EventKind.PageFault, "Decision On(PageFaultEvent e) => (Keep(0));", "Keep", 35)]
    [InlineData(EventKind.Hypercall, "Decision On(Kvmi.Policy.HypercallEvent e) { return Set(1); }", "Set", 52)]
    [InlineData(EventKind.Trap, "Decision On(TrapEvent e) => Inject(Exceptions.InvalidOpcode);", "Inject", 29)]
    public void A_returned_decision_that_cannot_answer_the_event_is_found_at_load(EventKind kind, string script, string decision, int column)
    {
        var finding = OnlyFinding(script, On(kind, "On"));
        var name = PolicyEvents.Find(kind)!.Name;
        Assert.Equal((FindingCodes.IllegalDecision, column), (finding.Code, finding.Location.Column));
        Assert.Equal($"On answers {decision}, which is not legal for {name} events", finding.Message);
        Assert.StartsWith("possible: Allow, ", finding.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EventKind.PageFault, "Decision On(PageFaultEvent e) => Skip(otherwise: _ => Retry);")]
    [InlineData(EventKind.Msr, "Decision Skip(int n) => Allow; Decision On(MsrEvent e) => Skip(1);")]
    [InlineData(EventKind.Msr, "Decision On(MsrEvent e) { Func<Decision> other = () => { return Retry; }; return other() == Retry ? Allow : Keep(e.Old); }")]
    [InlineData(EventKind.Msr, "Decision On(MsrEvent e) => Allow; Decision OnPage(PageFaultEvent e) => Retry;")]
    public void Other_uses_of_the_same_words_are_left_alone(EventKind kind, string script) =>
        Assert.DoesNotContain(Build(Inline("p", script, On(kind, "On"))).Findings, finding => finding.Code == FindingCodes.IllegalDecision);

    [Theory]
    [InlineData("")]
    [InlineData("\n  \n")]
    public void A_script_that_holds_nothing_was_not_saved(string text)
    {
        var file = _folder.Write("p.csx", text);
        var result = Build(Script("p", file, On(EventKind.Msr, "OnMsr")));
        Assert.Null(result.Generation);
        var finding = Assert.Single(result.Findings);
        Assert.Equal((CodeFindings.ScriptUnreadable, file), (finding.Code, finding.Location.File));
        Assert.Contains("save it again", finding.Hint, StringComparison.Ordinal);
    }
}
