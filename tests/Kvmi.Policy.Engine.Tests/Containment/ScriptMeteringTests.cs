using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol.Dialects;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Containment;

public sealed class ScriptMeteringTests
{
    private const long Fuel = 200_000;
    private const long Memory = 4 << 20;
    private const int OwnerStack = PolicyThread.StackSize;

    [Theory]
    [InlineData("while (true) { }")]
    [InlineData("for (;;) ;")]
    [InlineData("do { } while (e.New == e.New);")]
    [InlineData("again: goto again;")]
    [InlineData("switch (e.Cr) { case 3: goto case 4; case 4: goto case 3; }")]
    [InlineData("foreach (var i in Endless()) { }")]
    [InlineData("Endless().Count();")]
    [InlineData("Enumerable.Range(0, int.MaxValue).Where(x => x < 0).ToList();")]
    [InlineData("while (true) { try { while (true) { } } catch { } }")]
    [InlineData("while (true) { try { throw new InvalidOperationException(); } catch { } }")]
    [InlineData("while (true) { try { while (true) { } } catch when (Never()) { } }")]
    [InlineData("while (true) { try { while (true) { } } finally { Never(); } }")]
    [InlineData("Func<int, int> f = null!; f = x => { while (true) { } }; f(1);")]
    [InlineData("new List<int>(new int[500000]).Sort((a, b) => 0); new List<int>(new int[500000]).ForEach(x => { });")]
    [InlineData("Enumerable.Range(0, int.MaxValue).GroupBy(x => x, new Same()).Count();")]
    [InlineData("var x = new Slow();")]
    [InlineData("while (true) { using var x = new Closing(); }")]
    public void A_run_without_end_is_stopped_by_its_fuel(string statements) =>
        Assert.Equal($"used up its fuel of {Fuel} steps (budget.fuel)", Run(statements, out _));

    [Theory]
    [InlineData("Deep(1);")]
    [InlineData("Func<int, int> f = null!; f = x => f(x + 1) + 1; f(1);")]
    [InlineData("_ = new Endlessly();")]
    [InlineData("_ = new Chained(1);")]
    [InlineData("_ = new P().Self;")]
    [InlineData("var r = new Ring(); r.Next = r; _ = r.ToString();")]
    [InlineData("var r = new Ring(); r.Next = r; _ = r.GetHashCode();")]
    [InlineData("_ = new Op() + new Op();")]
    [InlineData("_ = new P()[1];")]
    public void Recursion_ends_with_an_exception_and_not_with_the_process(string statements)
    {
        Assert.Equal("is nested too deeply: its methods call each other without end", Run(statements, out var thrown));
        Assert.IsType<ScriptLimitException>(thrown);
    }

    /// <summary>What honest policies do: a walk over modules with their sections, a descent over nested structures of the guest.</summary>
    [Theory]
    [InlineData("if (Walk(MakeTree(160)) != 319) throw new InvalidOperationException();")]
    [InlineData("if (Descend(96) != 96) throw new InvalidOperationException();")]
    [InlineData("if (Holding(160) != 160) throw new InvalidOperationException();")]
    [InlineData("try { Failing(160); } catch (InvalidOperationException) { return Allow; } throw new ArgumentException();")]
    [InlineData("if (Enumerating(MakeTree(48)).Count() != 95) throw new InvalidOperationException();")]
    [InlineData("if (Plain(600) != 600) throw new InvalidOperationException();")]
    public void Honest_recursion_is_not_disturbed_on_the_thread_of_a_VM(string statements)
    {
        Assert.Null(RunOnOwnerThread(statements, out var thrown));
        Assert.Null(thrown);
    }

    [Fact]
    public void The_first_limit_that_was_passed_is_the_one_that_is_told() =>
        Assert.Equal($"used up its fuel of {Fuel} steps (budget.fuel)", RunOnOwnerThread("SpinBelow(20);", out _));

    /// <summary>The same with the smallest frames that a compiler makes, so that as many exceptions as can be are under way at once.</summary>
    [Theory]
    [InlineData("Rethrow();")]
    [InlineData("Nested();")]
    [InlineData("Sorting();")]
    public void Endless_recursion_over_handlers_ends_with_an_exception_on_the_thread_of_a_VM(string statements) =>
        Assert.NotNull(RunOnOwnerThread(statements, out _));

    [Theory]
    [InlineData("var l = new List<byte[]>(); while (true) l.Add(new byte[100000]);")]
    [InlineData("var n = 1 << 30; _ = new byte[n];")]
    [InlineData("_ = new long[2147483591];")]
    [InlineData("var s = \"x\"; while (true) s += s;")]
    [InlineData("_ = new string('x', 100000000);")]
    public void Allocation_without_end_is_stopped_or_at_least_noticed(string statements) =>
        Assert.Equal($"allocated more than {Memory} bytes in one run (budget.memory)", Run(statements, out _));

    [Theory]
    [InlineData("try { while (true) { } } catch { }")]
    [InlineData("try { _ = new string('x', 100000000); } catch { }")]
    public void Swallowing_the_exception_helps_nothing(string statements) => Assert.NotNull(Run(statements, out _));

    [Fact]
    public void An_ordinary_run_is_not_disturbed_and_the_next_run_starts_anew()
    {
        for (var i = 0; i < 3; i++)
        {
            Assert.Null(Run("var sum = 0; for (var i = 0; i < 150000; i++) sum += i; var l = new List<int> { 1 }; l.Sort();", out var thrown));
            Assert.Null(thrown);
        }
    }

    [Fact]
    public void Fuel_is_deterministic()
    {
        var bound = CreateAny(Body("for (var i = 0UL; i < e.New; i++) { }"));
        var first = LongestRun();
        Assert.InRange(first, (ulong)Fuel - 10, (ulong)Fuel);
        Assert.Equal(first, LongestRun());

        ulong LongestRun()
        {
            var most = (ulong)Fuel - 100;
            while (Measure(bound.Handlers[0], out _, most + 1) is null)
                most++;

            return most;
        }
    }

    [Fact]
    public void Lines_of_errors_stay_those_of_the_script()
    {
        Run("var a = 1;\nfor (var i = 0; i < 3; i++)\n{\n    if (i == 2)\n        throw new InvalidOperationException(\"here\");\n}", out var thrown);
        Assert.Contains("policy.yaml:line 5", thrown!.StackTrace, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("try { } finally { while (true) { } }", 1)]
    [InlineData("try { }\nfinally\n{\n    for (var i = 0; i < 3; i++) { }\n}", 4)]
    [InlineData("try { }\nfinally\n{\n    again:\n    if (e.Cr == 3) goto again;\n}", 5)]
    public void A_loop_in_finally_is_refused(string statements, int line)
    {
        var finding = Assert.Single(Build(Inline("p", Body(statements))).Findings, finding => finding.Severity == FindingSeverity.Error);
        Assert.Equal("KP0410", finding.Code);
        Assert.Equal(line, finding.Location.Line);
    }

    [Fact]
    public void Loaded_files_are_metered_too()
    {
        using var folder = new TemporaryFolder();
        folder.Write("lib.csx", "void Forever() { while (true) { } }");
        var main = folder.Write("main.csx", "#load \"lib.csx\"\nDecision OnCr(CrEvent e) { Forever(); return Allow; }");
        var result = Build(Script("p", main));
        var bound = result.Generation!.Policies[0].Factory.Create(new RecordingServices());
        Assert.StartsWith("used up its fuel", Measure(bound.Handlers[0], out _), StringComparison.Ordinal);
    }

    [Fact]
    public void Top_level_statements_are_metered()
    {
        var result = Build(Inline("p", "while (true) { }\nDecision OnCr(CrEvent e) => Allow;"));
        var exception = Assert.Throws<PolicyInitializationException>(
            () => result.Generation!.Policies[0].Factory.Create(new RecordingServices()));
        Assert.Contains("used up its fuel", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_metered_handler_allocates_nothing()
    {
        var bound = CreateAny(Body("var sum = 0UL; for (var i = 0; i < 100; i++) sum += e.New; Never();"));
        var handler = (PolicyHandler<CrEvent>)bound.Handlers[0]!;
        Assert.Equal(DecodeStatus.Ok, Dialect.All[0].ReadEvent(CrMessage(1, 2), out var frame));
        Measure(handler, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ScriptMeter.Current.Begin(Fuel, Memory);
        handler(new CrEvent(frame));
        ScriptMeter.Current.End();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    // The compiler warns of most of these scripts, rightly.
    private static BoundPolicy CreateAny(string script)
    {
        var result = Build(Inline("p", script));
        Assert.DoesNotContain(result.Findings, finding => finding.Severity == FindingSeverity.Error);
        return result.Generation!.Policies[0].Factory.Create(new RecordingServices());
    }

    private static string? Run(string statements, out Exception? thrown)
    {
        var bound = CreateAny(Body(statements));
        return Measure(bound.Handlers[0], out thrown);
    }

    private static string? RunOnOwnerThread(string statements, out Exception? thrown)
    {
        string? limit = null;
        Exception? caught = null;
        var thread = new Thread(() => limit = Run(statements, out caught), OwnerStack);
        thread.Start();
        thread.Join();
        thrown = caught;
        return limit;
    }

    private static string? Measure(Delegate? handler, out Exception? thrown, ulong newValue = 2)
    {
        thrown = null;
        var meter = ScriptMeter.Current;
        meter.Begin(Fuel, Memory);
        try
        {
            DecideCr(handler, CrMessage(1, newValue));
        }
        catch (Exception exception)
        {
            thrown = exception;
        }

        return meter.End();
    }

    // The statements start on line 1 so that tests can name lines.
    private static string Body(string statements) =>
        $$"""
        Decision OnCr(CrEvent e) { {{statements}}
            return Allow; }
        bool Never() => false;
        IEnumerable<int> Endless() { while (true) yield return 1; }
        int Deep(int n) => Deep(n + 1) + 1;
        class Slow { int X = Spin(); static int Spin() { while (true) { } } }
        class Same : IEqualityComparer<int> { public bool Equals(int a, int b) => true; public int GetHashCode(int a) => 0; }
        class Closing : IDisposable { public void Dispose() { while (true) { } } }
        class Endlessly { Endlessly Inner = new(); }
        class Chained { public Chained(int x) : this(new Chained(x).ToString()!) { } public Chained(string s) { } }
        class P { public P Self => Self.Self; public int this[int i] => this[i + 1] + 1; }
        record Ring { public Ring? Next { get; set; } }
        class Node { public List<Node> Children = new(); public ulong Value; }
        Node MakeTree(int depth) { var root = new Node(); var at = root; for (var i = 1; i < depth; i++) { var next = new Node(); at.Children.Add(new Node()); at.Children.Add(next); at = next; } return root; }
        int Walk(Node node) { var count = 1; try { foreach (var child in node.Children) count += Walk(child); } catch (InvalidOperationException) { count = -1000; } return count; }
        int Descend(int depth) { if (depth == 0) return 0; Span<ulong> fields = stackalloc ulong[8]; fields[0] = (ulong)depth; try { return Descend(depth - 1) + (fields[0] == 0 ? 0 : 1); } finally { Never(); } }
        class Held : IDisposable { public void Dispose() { } }
        int Plain(int depth) => depth == 0 ? 0 : Plain(depth - 1) + 1;
        int Holding(int depth) { if (depth == 0) return 0; using var held = new Held(); return Holding(depth - 1) + 1; }
        void Failing(int depth) { try { if (depth == 0) throw new InvalidOperationException("leaf"); Failing(depth - 1); } catch (InvalidOperationException) { throw; } }
        IEnumerable<int> Enumerating(Node node) { yield return 1; foreach (var child in node.Children) foreach (var x in Enumerating(child)) yield return x; }
        void SpinBelow(int depth) { try { if (depth == 0) while (true) { } SpinBelow(depth - 1); } finally { Rethrow(); } }
        void Rethrow() { try { Rethrow(); } catch (Exception) { throw; } }
        void Nested() { try { Nested(); } catch { Nested(); } }
        void Sorting() { new List<int> { 2, 1 }.Sort((a, b) => { Sorting(); return 0; }); }
        class Op { public static Op operator +(Op a, Op b) => new Op() + (a + b); }
        """.Insert(0, "using System.Linq; using System.Collections.Generic; ");
}
