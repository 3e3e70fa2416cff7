using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol;
using Microsoft.CodeAnalysis;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>Decisions of compiled handlers that their event cannot be answered with.</summary>
public sealed class PluginDecisionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Line 4 of the source has the handler's body.
    [Theory]
    [InlineData("return Skip();", "Skip")]
    [InlineData("return Decision.Retry;", "Retry")]
    [InlineData("return e.Old == 0 ? Allow : Retry;", "Retry")]
    [InlineData("return e.Old == 0 ? Skip() : Keep(e.Old);", "Skip")]
    [InlineData("if (e.Old == 0) return Allow; return Skip();", "Skip")]
    [InlineData("try { return Skip(); } finally { Facts.ToString(); }", "Skip")]
    [InlineData("switch (e.New) { case 1: return Keep(e.Old); case 2: return Retry; default: return Allow; }", "Retry")]
    [InlineData("return e.New switch { 1 => Allow, 2 => Skip(), _ => Keep(e.Old) };", "Skip")]
    public void An_illegal_answer_is_found_before_it_happens_with_its_line(string body, string decision)
    {
        foreach (var optimization in (OptimizationLevel[])[OptimizationLevel.Debug, OptimizationLevel.Release])
        {
            var finding = Assert.Single(Build(body, optimization).Findings);
            Assert.Equal(("KP0205", FindingSeverity.Error), (finding.Code, finding.Severity));
            Assert.Equal($"policy 'p': P.OnCr answers {decision}, which is not legal for cr events", finding.Message);
            Assert.Equal(("/src/P.cs", 4), (finding.Location.File, finding.Location.Line));
            Assert.Equal("possible: Allow, Keep, Set, Inject, Crash", finding.Hint);
        }
    }

    [Theory]
    [InlineData("return e.Old == 0 ? Allow : Keep(e.Old);")]
    [InlineData("return Inject(Exceptions.GeneralProtection);")]
    [InlineData("var d = Skip(); d = Allow; return d;")]
    [InlineData("_ = Skip(); return Allow;")]
    [InlineData("var d = Skip(); if (d.Kind == DecisionKind.Skip) d = Crash(); return d;")]
    [InlineData("PolicyHandler<PageFaultEvent> other = _ => Skip(); return other is null ? Crash() : Allow;")]
    [InlineData("return Same(Skip());")]
    public void What_may_be_legal_is_left_to_the_event(string body)
    {
        foreach (var optimization in (OptimizationLevel[])[OptimizationLevel.Debug, OptimizationLevel.Release])
            Assert.Empty(Build(body, optimization).Findings);
    }

    [Fact]
    public void Symbols_of_another_build_or_none_still_give_the_finding()
    {
        _folder.Write("plugins/p/P.pdb", [1, 2, 3]);
        Assert.EndsWith("P.dll", Assert.Single(Build("return Skip();", OptimizationLevel.Release, writeSymbols: false).Findings).Location.File, StringComparison.Ordinal);
        File.Delete(Path.Combine(_folder.Path, "plugins/p/P.pdb"));
        Assert.EndsWith("P.dll", Assert.Single(Build("return Skip();", OptimizationLevel.Release, writeSymbols: false).Findings).Location.File, StringComparison.Ordinal);
    }

    [Fact]
    public void A_handler_of_a_base_class_counts_and_one_of_two_events_is_asked_by_its_own()
    {
        Write("public class Base : PolicyBase {\nprotected Decision OnCr(CrEvent e) => Skip(); }\npublic class P : Base { public Decision OnCr(PageFaultEvent e) => Skip(); }", OptimizationLevel.Release);
        var pages = BuildSet(Plugin("p", "p", "P", On(EventKind.PageFault, "OnCr")));
        Assert.Empty(pages.Findings);
        Assert.Equal("KP0205", Assert.Single(BuildSet(Plugin("p", "p", "P", On(EventKind.Cr, "OnCr"))).Findings).Code);
    }

    private GenerationBuildResult Build(string body, OptimizationLevel optimization, bool writeSymbols = true)
    {
        Write($"public class P : PolicyBase {{\nprivate static Decision Same(Decision d) => d;\nDecision OnCr(CrEvent e)\n{{ {body} }} }}", optimization, writeSymbols);
        return BuildSet(Plugin("p", "p", "P"));
    }

    private void Write(string source, OptimizationLevel optimization, bool writeSymbols = true)
    {
        var (image, symbols) = TestAssembly.BuildWithSymbols("P", $"using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] {source}", "/src/P.cs", optimization);
        _folder.Write("plugins/p/P.dll", image);
        if (writeSymbols)
            _folder.Write("plugins/p/P.pdb", symbols);
    }

    private GenerationBuildResult BuildSet(params PolicyDefinition[] definitions) =>
        Builder().Build(definitions, PluginSetLoader.Discover([Path.Combine(_folder.Path, "plugins")]), null);
}
