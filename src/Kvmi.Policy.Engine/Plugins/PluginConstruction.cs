using System.Reflection;
using Kvmi.Policy.Engine.Containment.Metering;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// Constructs the class of a plugin once before it goes live, to see whether it can be: on a thread of its own, so that one that never
/// returns holds no reload. Thread-safe.
/// </summary>
internal sealed class PluginConstruction
{
    /// <summary>Threads that may hang at once; then no further class is tried. Each holds its plugin's code.</summary>
    public const int MaxHanging = 16;

    private readonly TimeSpan _limit;
    private int _lost;
    private int _hanging;

    /// <param name="limit">How long a constructor may take.</param>
    public PluginConstruction(TimeSpan limit) => _limit = limit;

    /// <summary>Constructors that did not return in time, and those of them that still have not. Any thread.</summary>
    public (int Lost, int Hanging) Counters => (Volatile.Read(ref _lost), Volatile.Read(ref _hanging));

    /// <summary>Constructs the class on this thread.</summary>
    /// <returns>What is wrong with the constructor, to follow its name; null: nothing.</returns>
    public static string? TryHere(Type type)
    {
        try
        {
            _ = Activator.CreateInstance(type, BindingFlags.DoNotWrapExceptions | BindingFlags.Instance | BindingFlags.Public, null, null, null);
            return null;
        }
        catch (Exception exception)
        {
            // What a static constructor threw says more than that it did.
            return $"threw {ExceptionText.Of(exception is TypeInitializationException { InnerException: { } inner } ? inner : exception)}";
        }
    }

    /// <summary>Constructs the class; waits no longer than the limit.</summary>
    /// <param name="type">The class.</param>
    /// <param name="isHanging">True when it did not return in time.</param>
    /// <returns>What is wrong with the constructor, to follow its name; null: nothing.</returns>
    public string? Try(Type type, out bool isHanging)
    {
        isHanging = false;
        if (Volatile.Read(ref _hanging) >= MaxHanging)
        {
            return $"was not tried: {MaxHanging} constructors of plugins hang already";
        }

        var attempt = new Attempt(this, type);
        var thread = new Thread(attempt.Run, PolicyThread.StackSize) { IsBackground = true, Name = "plugin constructor" };
        thread.Start();
        if (thread.Join(_limit) || !attempt.TryGiveUp())
        {
            thread.Join();
            return attempt.Problem;
        }

        isHanging = true;
        return $"has not returned within {_limit.TotalSeconds:0.#} s; its thread is given up";
    }

    private sealed class Attempt(PluginConstruction owner, Type type)
    {
        private readonly Lock _gate = new();
        private bool _ended;
        private bool _givenUp;

        public string? Problem { get; private set; }

        public void Run()
        {
            var problem = TryHere(type);
            lock (_gate)
            {
                Problem = problem;
                _ended = true;
                if (_givenUp)
                {
                    Interlocked.Decrement(ref owner._hanging);
                }
            }
        }

        public bool TryGiveUp()
        {
            lock (_gate)
            {
                if (_ended)
                {
                    return false;
                }

                _givenUp = true;
                Interlocked.Increment(ref owner._lost);
                Interlocked.Increment(ref owner._hanging);
                return true;
            }
        }
    }
}
