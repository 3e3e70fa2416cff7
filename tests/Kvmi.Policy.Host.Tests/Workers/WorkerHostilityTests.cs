using System.Diagnostics;
using System.Globalization;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Workers;

/// <summary>Plugins that try to break out of a worker, or to take its host with them.</summary>
[Collection("workers")]
public sealed class WorkerHostilityTests : IDisposable
{
    private static readonly WorkerSettings Impatient = WorkerRig.Settings with
    {
        HandlerLimit = TimeSpan.FromMilliseconds(500),
        FirstRestart = TimeSpan.FromMilliseconds(1),
    };

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("File.ReadAllText(\"/etc/passwd\");")]
    [InlineData("File.WriteAllText(\"/tmp/kvmi-policy-must-not-exist\", \"x\");")]
    [InlineData("Directory.GetFiles(\"/\");")]
    [InlineData("File.Delete(\"/tmp/kvmi-policy-must-not-exist\");")]
    [InlineData("new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, 0);")]
    [InlineData("new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);")]
    [InlineData("System.Diagnostics.Process.Start(\"/bin/true\");")]
    [InlineData("Check(open(\"/dev/null\", 0));")]
    [InlineData("Check(kill(getppid(), 0));")]
    [InlineData("Check(kill(-1, 0));")]
    [InlineData("Check(fork());")]
    [InlineData("Check((int)ptrace(16, getppid(), 0, 0));")]
    [InlineData("Check((int)syscall(59, 0, 0, 0));")]
    [InlineData("Check((int)syscall(41, 2, 1, 0));")]
    [InlineData("Check((int)syscall(425, 1, 0, 0));")]
    [InlineData("Check((int)syscall(310, getppid(), 0, 0));")]
    [InlineData("Check((int)syscall(0x40000000 + 2, 0, 0, 0));")]
    [InlineData("Check((int)syscall(435, 0, 0, 0));")]
    [InlineData("if (Environment.GetEnvironmentVariable(\"PATH\") is null && Environment.GetEnvironmentVariable(\"HOME\") is null) throw new Exception(\"nothing there\");")]
    public void What_a_policy_does_not_need_is_denied(string attempt)
    {
        WorkerRig.WritePlugin(_directory, $$"""
            [DllImport("libc", SetLastError = true)] static extern int open(string path, int flags);
            [DllImport("libc", SetLastError = true)] static extern int kill(int process, int signal);
            [DllImport("libc")] static extern int getppid();
            [DllImport("libc", SetLastError = true)] static extern int fork();
            [DllImport("libc", SetLastError = true)] static extern long ptrace(int request, int process, long address, long data);
            [DllImport("libc", SetLastError = true)] static extern long syscall(long number, long a, long b, long c);
            static void Check(int result) { if (result < 0) throw new Exception("denied: " + Marshal.GetLastPInvokeErrorMessage()); }

            public Decision OnCr(CrEvent e)
            {
                try { {{attempt}} }
                catch (Exception exception) { Record("denied", new { what = exception.GetType().Name + ": " + exception.Message }); return Set(1); }
                return Set(2);
            }
            """);
        using var rig = WorkerRig.Attach(_directory);
        rig.DecideCr(0, 3);
        var output = rig.Output();
        Assert.Contains(output, line => line.StartsWith("record denied", StringComparison.Ordinal));
        Assert.Equal(DecisionKind.Set, rig.Decision);
        Assert.False(File.Exists("/tmp/kvmi-policy-must-not-exist"));
    }

    [Theory]
    [InlineData("while (true) { }", "did not answer within 450 ms")]
    [InlineData("Thread.Sleep(Timeout.Infinite);", "did not answer within 450 ms")]
    [InlineData("Environment.Exit(3);", "was ended because")]
    [InlineData("Environment.FailFast(\"bang\");", "was ended because")]
    [InlineData("unsafe { *(int*)8 = 1; }", "")]
    [InlineData("Recurse(1);", "was ended because")]
    public async Task A_worker_that_hangs_or_dies_costs_one_event_and_comes_back(string attempt, string problem)
    {
        WorkerRig.WritePlugin(_directory, $$"""
            private int _served;
            static int Recurse(int depth) => Recurse(depth + 1) + depth;
            public Decision OnCr(CrEvent e)
            {
                if (e.New == 13) { {{attempt}} }
                Record("served", new { count = ++_served, process = Environment.ProcessId });
                return Set(77);
            }
            """);
        // A runtime that ends itself writes its last words first, which may take longer than the handler has: dead or late, it is gone.
        using var rig = WorkerRig.Attach(_directory, Impatient);
        var first = await ServeAsync(rig);
        rig.DecideCr(5, 13);
        Assert.Equal(DecisionKind.Keep, rig.Decision);
        var output = rig.Output();
        Assert.Contains(output, line => line.Contains(problem, StringComparison.Ordinal));

        // A null pointer is an exception like any other: the worker goes on.
        if (problem.Length == 0)
        {
            return;
        }

        Assert.Contains(output, line => line.StartsWith("worker-ended", StringComparison.Ordinal) && line.Contains("is lost", StringComparison.Ordinal));
        var second = await ServeAsync(rig);
        Assert.NotEqual(first.Process, second.Process);
        Assert.Equal(1, second.Count);
    }

    [Fact]
    public async Task A_worker_that_is_killed_from_outside_is_replaced_and_the_wait_is_no_further_error()
    {
        WorkerRig.WritePlugin(_directory, """
            private int _served;
            public Decision OnCr(CrEvent e) { Record("served", new { count = ++_served, process = Environment.ProcessId }); return Set(77); }
            """);
        using var rig = WorkerRig.Attach(_directory, Impatient with { FirstRestart = TimeSpan.FromMilliseconds(300) });
        var first = await ServeAsync(rig);
        using (var process = Process.GetProcessById(first.Process))
        {
            process.Kill();
        }

        rig.DecideCr(5, 6);
        Assert.Equal(DecisionKind.Keep, rig.Decision);
        rig.DecideCr(5, 6);
        Assert.Equal(DecisionKind.Keep, rig.Decision);
        Assert.Single(rig.Output(), line => line.StartsWith("policy-error", StringComparison.Ordinal));
        Assert.NotEqual(first.Process, (await ServeAsync(rig)).Process);
    }

    [Theory]
    [InlineData("var all = new List<byte[]>(); while (true) all.Add(new byte[1 << 20]);")]
    [InlineData("var all = new List<IntPtr>(); while (true) { var p = Marshal.AllocHGlobal(1 << 20); Marshal.WriteByte(p, 0, 1); all.Add(p); }")]
    public void Memory_ends_at_the_limit_of_the_worker(string attempt)
    {
        WorkerRig.WritePlugin(_directory, $$"""public Decision OnCr(CrEvent e) { {{attempt}} }""");
        using var rig = WorkerRig.Attach(_directory, WorkerRig.Settings with { Memory = 64 << 20 });
        rig.DecideCr(5, 6);
        Assert.Equal(DecisionKind.Keep, rig.Decision);

        // The runtime throws when there is no memory, unless it needs some itself at that moment: then the worker dies. It never takes until its limit of time.
        var output = rig.Output();
        Assert.True(
            output.Any(line => line.StartsWith("policy-error", StringComparison.Ordinal)
                || (line.StartsWith("worker-ended", StringComparison.Ordinal) && !line.Contains("did not answer", StringComparison.Ordinal))),
            string.Join('\n', output));
    }

    [Fact]
    public void A_worker_that_scribbles_over_the_shared_memory_gets_no_answer_wrong_and_harms_nobody()
    {
        // What is reachable by reflection is reachable by malice.
        WorkerRig.WritePlugin(_directory, """
            private bool _started;
            static object Field(object o, Func<FieldInfo, bool> which) =>
                o.GetType().GetFields(BindingFlags.Instance | BindingFlags.NonPublic).First(which).GetValue(o)!;
            public unsafe Decision OnCr(CrEvent e)
            {
                if (!_started)
                {
                    _started = true;
                    var services = typeof(PolicyBase).GetField("_services", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(this)!;
                    var channel = Field(services, f => f.Name == "_channel");
                    var memory = Field(channel, f => f.FieldType.Name == "LaneMemory");
                    var bytes = (byte*)Pointer.Unbox(Field(memory, f => f.FieldType.IsPointer));
                    var seed = (int)e.New;
                    new Thread(() =>
                    {
                        var random = new Random(seed);
                        while (true)
                        {
                            bytes[192 + random.Next(128)] = (byte)random.Next(256);
                            if (random.Next(50) == 0) bytes[random.Next(4)] = (byte)random.Next(3);
                        }
                    }) { IsBackground = true }.Start();
                }

                Record("x", new { e.New });
                Memory.TryReadPhysical(0x1000, 64);
                Registers.Set(GuestRegister.Rax, 1);
                return Set(77);
            }
            """);
        for (ulong seed = 1; seed <= 3; seed++)
        {
            using var rig = WorkerRig.Attach(_directory, Impatient);
            for (var i = 0; i < 40; i++)
            {
                // Whatever it says is legal for the event, or becomes the policy's onError.
                Assert.NotEmpty(rig.DecideCr(5, seed));
                rig.Output();
            }
        }

        Assert.Empty(WorkerRig.Workers());
    }

    [Fact]
    public void Nothing_is_left_of_a_worker_when_its_generation_is()
    {
        WorkerRig.WritePlugin(_directory, "public Decision OnCr(CrEvent e) => Allow;");
        using (var rig = WorkerRig.Attach(_directory))
        {
            rig.DecideCr(1, 2);
            Assert.Single(WorkerRig.Workers());
        }

        Assert.Empty(WorkerRig.Workers());
    }

    [Fact]
    public void A_constructor_of_an_untrusted_plugin_never_runs_in_the_host()
    {
        WorkerRig.WritePlugin(_directory, """
            public Hostile() => throw new Exception("ran in process " + Environment.ProcessId);
            public Decision OnCr(CrEvent e) => Allow;
            """);
        var finding = Assert.Single(WorkerRig.Build(_directory, WorkerRig.Settings).Findings);
        Assert.Equal("KP0506", finding.Code);
        Assert.DoesNotContain($"process {Environment.ProcessId}", finding.Message, StringComparison.Ordinal);
        Assert.Contains("ran in process", finding.Message, StringComparison.Ordinal);
        Assert.Empty(WorkerRig.Workers());
    }

    [Fact]
    public void A_program_that_is_no_worker_is_an_error_with_what_it_said()
    {
        WorkerRig.WritePlugin(_directory, "public Decision OnCr(CrEvent e) => Allow;");
        var result = WorkerRig.Build(_directory, WorkerRig.Settings with { Arguments = ["no-such-program.dll"] });
        var finding = Assert.Single(result.Findings);
        Assert.Equal("KP0603", finding.Code);
        Assert.Contains("and wrote:", finding.Message, StringComparison.Ordinal);
        Assert.Empty(WorkerRig.Workers());
    }

    // An event is served when the worker is there; each further try is an event of the guest's.
    private static async Task<(int Count, int Process)> ServeAsync(WorkerRig rig)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (true)
        {
            patience.Token.ThrowIfCancellationRequested();
            rig.DecideCr(5, 6);
            if (rig.Records().OfType<NoticeOutput>().FirstOrDefault(notice => notice.Name == "served") is { } served)
            {
                return (Number(served, "count"), Number(served, "process"));
            }

            await Task.Yield();
        }
    }

    private static int Number(NoticeOutput notice, string field) =>
        Convert.ToInt32(notice.Fields.Single(candidate => candidate.Name == field).Value, CultureInfo.InvariantCulture);
}
