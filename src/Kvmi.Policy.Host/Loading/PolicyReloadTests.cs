using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Testing.Policies;

namespace Kvmi.Policy.Host.Loading;

/// <summary>
/// Runs the tests of changed policies before a reload, as the verb test does: without a VM, on a thread of its own. Scripts end by their budgets; a
/// plugin may keep that thread for ever, and then the tests go on without it.
/// </summary>
/// <param name="builder">Makes a builder of its own for each reload: its generations are none of the live ones.</param>
/// <param name="options">How policy files are read; with the site's values.</param>
/// <param name="limit">How long all tests of a reload may take.</param>
internal sealed class PolicyReloadTests(Func<GenerationBuilder> builder, Func<PolicyLoadOptions> options, TimeSpan limit) : IReloadTests
{
    /// <summary>How long all tests of a reload may take, unless it is said otherwise.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(30);

    private const int MostHanging = 3;
    private int _hanging;

    public ReloadTestResult Run(IReadOnlyList<PolicyDefinition> policies, IReadOnlyList<PolicyDefinition> set, PluginCatalog plugins)
    {
        if (Volatile.Read(ref _hanging) >= MostHanging)
        {
            return ReloadTestResult.None with { Unfinished = $"the tests were not run: {MostHanging} threads of earlier ones still have not come back" };
        }

        // The limit is here, over all tests together; a test that hangs holds this thread, which is counted.
        var run = new TestRun(new PolicyTestSuite(builder(), plugins, options()) { Limit = Timeout.InfiniteTimeSpan }, policies, set);
        var thread = new Thread(() => Run(run), PolicyThread.StackSize) { IsBackground = true, Name = "policy tests" };
        thread.Start();
        if (thread.Join(limit))
        {
            return run.Result;
        }

        Interlocked.Increment(ref _hanging);
        return run.GiveUp($"the tests did not end within {limit.TotalSeconds:0.#} s") ?? Returned(run);
    }

    private void Run(TestRun run)
    {
        run.Run();
        if (run.IsGivenUp)
        {
            Interlocked.Decrement(ref _hanging);
        }
    }

    // It came back at the last moment.
    private ReloadTestResult Returned(TestRun run)
    {
        Interlocked.Decrement(ref _hanging);
        return run.Result;
    }

    private sealed class TestRun(PolicyTestSuite suite, IReadOnlyList<PolicyDefinition> policies, IReadOnlyList<PolicyDefinition> set)
    {
        private readonly Lock _gate = new();
        private readonly List<ReloadTestFailure> _failures = [];
        private int _passed;
        private string _current = "";
        private bool _ended;

        public bool IsGivenUp { get; private set; }

        public ReloadTestResult Result { get; private set; } = ReloadTestResult.None;

        public void Run()
        {
            string? unfinished = null;
            try
            {
                foreach (var policy in policies)
                {
                    _current = policy.Id;
                    foreach (var result in suite.Run(policy, set))
                    {
                        _passed += result.Passed ? 1 : 0;
                        if (!result.Passed)
                        {
                            _failures.Add(new(result.Policy, result.Test, result.Location, string.Join("; ", result.Failures)));
                        }

                        if (IsGivenUp)
                        {
                            return;
                        }
                    }
                }
            }
            catch (Exception exception)
            {
                // The code under test is other people's, and this is a thread's last frame.
                unfinished = $"the tests of policy '{_current}' ended with {exception.GetType().Name}: {exception.Message}";
            }

            lock (_gate)
            {
                Result = new(_passed, _failures) { Unfinished = unfinished };
                _ended = true;
            }
        }

        /// <summary>Nobody waits any more; null when it has ended after all.</summary>
        public ReloadTestResult? GiveUp(string reason)
        {
            lock (_gate)
            {
                if (_ended)
                {
                    return null;
                }

                IsGivenUp = true;
                return ReloadTestResult.None with { Unfinished = $"{reason}: policy '{_current}' does not return" };
            }
        }
    }
}
