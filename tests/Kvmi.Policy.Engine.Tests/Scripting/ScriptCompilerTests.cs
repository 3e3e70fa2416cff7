using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Scripting;

public sealed class ScriptCompilerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Members_of_the_ambient_object_are_top_level_names()
    {
        var services = new RecordingServices();
        var bound = Create(
            """
            var roots = State.Set<ulong>("roots", 2);
            var switches = Facts.Get("switches");
            const ulong Mask = 0x000F_FFFF_FFFF_F000;

            Decision OnCr(CrEvent e)
            {
                switches.Value++;
                if (roots.Add(e.New & Mask)) Alert("new-root", new { root = e.New & Mask, e.Vcpu });
                return e.Cr == 3 ? Allow : IsKernelHalf(e.Rip) ? Keep(e.Old) : Set(e.New | 1);
            }

            static bool IsKernelHalf(ulong va) => (long)va < 0;
            """,
            services);

        Assert.Equal(Decision.Allow, DecideCr(bound.Handlers[0], CrMessage(0x1000, 0x2001)));
        Assert.Equal(Decision.Allow, DecideCr(bound.Handlers[0], CrMessage(0x3000, 0x2002)));
        Assert.Equal(Decision.Set(0x11), DecideCr(bound.Handlers[0], CrMessage(0x20, 0x10, cr: 4)));
        Assert.Equal(3, services.Numbers["switches"].Value);
        Assert.Equal(["new-root { root = 8192, Vcpu = 0 }", "new-root { root = 0, Vcpu = 0 }"], services.Alerts);
    }

    [Theory]
    [InlineData("Inject(Exceptions.InvalidOpcode, otherwise: Run)")]
    [InlineData("Inject(Exceptions.InvalidOpcode, otherwise: x => Run(x))")]
    [InlineData("Inject(Exceptions.InvalidOpcode, otherwise: static _ => Retry)")]
    [InlineData("Skip(Run)")]
    [InlineData("Crash(otherwise: Run)")]
    public void Otherwise_takes_method_groups_and_lambdas(string decision)
    {
        var bound = Create(
            $$"""
            Decision OnExecute(PageFaultEvent e) => {{decision}};
            Decision Run(PageFaultEvent e) { Pages.Set(e.Gpa, Access.ReadExecute); return Retry; }
            """,
            new(),
            On(EventKind.PageFault, "OnExecute"));
        var message = Message(EventBody.PageFault(0x1234, 0x5000, PageAccess.Execute));
        var voted = DecidePf(bound.Handlers[0], message);
        Assert.Equal(Decision.Retry, DecidePf(voted.Otherwise, message));
    }

    [Fact]
    public void Each_instance_has_its_own_state()
    {
        var generation = Build(Inline("p", "int n; Decision OnCr(CrEvent e) => Set((ulong)++n);")).Generation!;
        var first = generation.Policies[0].Factory.Create(new RecordingServices());
        var second = generation.Policies[0].Factory.Create(new RecordingServices());
        Assert.Equal(Decision.Set(1), DecideCr(first.Handlers[0], CrMessage(1, 2)));
        Assert.Equal(Decision.Set(2), DecideCr(first.Handlers[0], CrMessage(1, 2)));
        Assert.Equal(Decision.Set(1), DecideCr(second.Handlers[0], CrMessage(1, 2)));
    }

    [Fact]
    public void A_handler_allocates_nothing()
    {
        var bound = Create("var roots = State.Set<ulong>(\"r\", 8); Decision OnCr(CrEvent e) => roots.Contains(e.New) ? Keep(e.Old) : Allow;", new());
        Assert.Equal(DecodeStatus.Ok, Dialect.All[0].ReadEvent(CrMessage(1, 2), out var frame));
        var handler = (PolicyHandler<CrEvent>)bound.Handlers[0]!;
        handler(new CrEvent(frame));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            handler(new CrEvent(frame));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Compiler_errors_name_file_line_and_column()
    {
        var script = _folder.Write("a.csx", "// one\nDecision OnCr(CrEvent e)\n{\n    return Keep(e.Odl);\n}\n");
        var finding = Assert.Single(Build(Script("p", script)).Findings);
        Assert.Equal(new SourceLocation(script, 4, 19), finding.Location);
        Assert.Equal("CS1061", finding.Code);
        Assert.Equal(FindingSeverity.Error, finding.Severity);
    }

    [Fact]
    public void Errors_of_an_inline_script_point_into_the_policy_file()
    {
        var policy = _folder.Write("policy.yaml", "a: 1\nscript:\n  inline: |\n    Decision OnCr(CrEvent e)\n    { return Kep(1); }\n");
        var definition = Inline("p", "Decision OnCr(CrEvent e)\n{ return Kep(1); }\n");
        definition = definition with { File = policy, Code = definition.Code with { InlineLine = 4 } };
        var finding = Assert.Single(Build(definition).Findings);
        Assert.Equal(new SourceLocation(policy, 5, 14), finding.Location);
    }

    [Fact]
    public void Nullable_warnings_are_warnings()
    {
        var result = Build(Inline("p", "string? Name() => null; Decision OnCr(CrEvent e) => Name().Length > 0 ? Allow : Keep(e.Old);"));
        Assert.NotNull(result.Generation);
        var finding = Assert.Single(result.Findings);
        Assert.Equal(("CS8602", FindingSeverity.Warning), (finding.Code, finding.Severity));
    }

    [Fact]
    public void An_event_cannot_be_kept()
    {
        Assert.Equal("CS8345", OnlyFinding("CrEvent last; Decision OnCr(CrEvent e) => Allow;").Code);
    }

    [Theory]
    [InlineData("#r \"System.Net.Http\"\nDecision OnCr(CrEvent e) => Allow;", "KP0404")]
    [InlineData("unsafe Decision OnCr(CrEvent e) => Allow;", "KP0406")]
    [InlineData("async System.Threading.Tasks.Task<Decision> OnCr(CrEvent e) { return Allow; }", "KP0405")]
    [InlineData("await System.Threading.Tasks.Task.Yield(); Decision OnCr(CrEvent e) => Allow;", "KP0405")]
    public void What_scripts_must_not_use_is_refused_with_one_finding(string script, string code)
    {
        var finding = OnlyFinding(script);
        Assert.Equal(code, finding.Code);
        Assert.Equal(1, finding.Location.Line);
    }

    [Fact]
    public void A_missing_handler_names_the_subscription_and_the_near_name()
    {
        var finding = OnlyFinding("Decision OnCr3(CrEvent e) => Allow;", On(EventKind.Cr, "OnCr", line: 12));
        Assert.Equal(new SourceLocation("policy.yaml", 12, 5), finding.Location);
        Assert.Equal(
            "policy 'p', subscription 1: policy.yaml has no method OnCr: expected `Decision OnCr(CrEvent e)`", finding.Message);
        Assert.Equal("did you mean OnCr3?", finding.Hint);
    }

    [Theory]
    [InlineData("Decision OnLstar(CrEvent e) => Allow;", "OnLstar takes (CrEvent), but subscription 1 is for msr events: expected `Decision OnLstar(MsrEvent e)`")]
    [InlineData("Decision OnLstar() => Allow;", "OnLstar takes (), but subscription 1 is for msr events: expected `Decision OnLstar(MsrEvent e)`")]
    [InlineData("Decision OnLstar(MsrEvent e, int n) => Allow;", "OnLstar takes (MsrEvent, Int32), but subscription 1 is for msr events: expected `Decision OnLstar(MsrEvent e)`")]
    [InlineData("Decision OnLstar(in MsrEvent e) => Allow;", "OnLstar takes (ref MsrEvent), but subscription 1 is for msr events: expected `Decision OnLstar(MsrEvent e)`")]
    [InlineData("void OnLstar(MsrEvent e) { }", "OnLstar returns void, but subscription 1 is for msr events: expected `Decision OnLstar(MsrEvent e)`")]
    [InlineData("bool OnLstar(MsrEvent e) => true;", "OnLstar returns bool, but subscription 1 is for msr events: expected `Decision OnLstar(MsrEvent e)`")]
    [InlineData("Decision OnLstar<T>(MsrEvent e) => Allow;", "OnLstar has type parameters, but subscription 1 is for msr events: expected `Decision OnLstar(MsrEvent e)`")]
    public void A_wrong_signature_is_one_finding_at_the_method(string script, string message)
    {
        var finding = OnlyFinding("// a comment\n" + script, On(EventKind.Msr, "OnLstar"));
        Assert.Equal(message, finding.Message);
        Assert.Equal(2, finding.Location.Line);
        Assert.Equal(script.IndexOf("OnLstar", StringComparison.Ordinal) + 1, finding.Location.Column);
    }

    [Fact]
    public void Overloads_and_static_handlers_are_found()
    {
        var bound = Create(
            "static Decision On(CrEvent e) => Keep(e.Old); Decision On(MsrEvent e) => Allow;",
            new(),
            On(EventKind.Cr, "On"),
            On(EventKind.Msr, "On"));
        Assert.Equal(Decision.Keep(7), DecideCr(bound.Handlers[0], CrMessage(7, 8)));
        Assert.IsType<PolicyHandler<MsrEvent>>(bound.Handlers[1]);
    }

    [Fact]
    public void Throwing_top_level_statements_are_reported_with_their_line()
    {
        var script = _folder.Write("a.csx", "var fine = 1;\nvar limit = Params.Int(\"limit\");\nDecision OnCr(CrEvent e) => Allow;\n");
        var factory = Build(Script("p", script)).Generation!.Policies[0].Factory;
        var exception = Assert.Throws<PolicyInitializationException>(() => factory.Create(new RecordingServices()));
        Assert.StartsWith($"policy 'p': {script}:2:", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith("the top-level statements threw ArgumentException: no parameters here", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_script_is_one_finding_with_the_near_name()
    {
        _folder.Write("lstar.csx", "");
        var finding = Assert.Single(Build(Script("p", Path.Combine(_folder.Path, "lstr.csx"))).Findings);
        Assert.Equal(("KP0401", "did you mean lstar.csx?"), (finding.Code, finding.Hint));
        Assert.EndsWith("lstr.csx cannot be read: there is no such file", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_works_inside_the_folder_and_nowhere_else()
    {
        _folder.Write("p/lib.csx", "ulong Twice(ulong value) => value * 2;\n");
        var main = _folder.Write("p/main.csx", "#load \"lib.csx\"\nDecision OnCr(CrEvent e) => Set(Twice(e.New));\n");
        var result = Build(Script("p", main));
        Assert.Empty(result.Findings);
        Assert.Equal(Decision.Set(8), DecideCr(result.Generation!.Policies[0].Factory.Create(new RecordingServices()).Handlers[0], CrMessage(1, 4)));

        _folder.Write("outside.csx", "int x;");
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "p", "link.csx"), Path.Combine(_folder.Path, "outside.csx"));
        foreach (var (name, reason) in new[]
                 {
                     ("../outside.csx", "lies outside the policy's folder"),
                     ("link.csx", "is a link to"),
                     ("none.csx", "there is no such file"),
                     ("/etc/hostname", "only .csx files"),
                 })
        {
            _folder.Write("p/main.csx", $"#load \"{name}\"\nDecision OnCr(CrEvent e) => Allow;\n");
            var finding = Assert.Single(Build(Script("p", main)).Findings);
            Assert.Equal("KP0407", finding.Code);
            Assert.Contains(reason, finding.Message, StringComparison.Ordinal);
            Assert.Equal(new SourceLocation(main, 1, 7), finding.Location);
        }
    }

    [Fact]
    public void Unchanged_scripts_are_not_compiled_again()
    {
        _folder.Write("lib.csx", "ulong Value() => 1;\n");
        var main = _folder.Write("main.csx", "#load \"lib.csx\"\nDecision OnCr(CrEvent e) => Set(Value());\n");
        var definition = Script(Guid.NewGuid().ToString(), main);
        Assert.Equal((1, 0), Counts());
        Assert.Equal((0, 1), Counts());

        // A loaded file counts as much as the main one.
        _folder.Write("lib.csx", "ulong Value() => 2;\n");
        Assert.Equal((1, 0), Counts());
        _folder.Write("main.csx", "#load \"lib.csx\"\nDecision OnCr(CrEvent e) => Keep(Value());\n");
        Assert.Equal((1, 0), Counts());

        (int, int) Counts()
        {
            var timings = Builder().Build([definition], PluginCatalog.Empty, null).Timings;
            return (timings.Compiled, timings.Cached);
        }
    }

    [Fact]
    public void Warming_up_needs_nothing() => new Engine.Scripting.ScriptCompiler().WarmUp();
}
