namespace Kvmi.Policy.Host.Sinks;

/// <summary>How long a sink waits between its tries: twice as long each time, up to a bound, and never the same as its neighbours.</summary>
internal sealed class Backoff
{
    /// <summary>Middle of the first wait.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);

    /// <summary>Middle of the longest wait.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait that a receiver may ask for.</summary>
    public static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(5);

    private readonly Func<double> _random;
    private int _failures;

    /// <summary>Makes one without failures.</summary>
    /// <param name="random">Numbers from 0 to below 1.</param>
    public Backoff(Func<double> random) => _random = random;

    /// <summary>The wait after one more failure: between half and one and a half of the middle.</summary>
    /// <param name="asked">What the receiver asked for; null for nothing.</param>
    public TimeSpan Next(TimeSpan? asked = null)
    {
        var middle = First * Math.Pow(2, Math.Min(_failures++, 10));
        var wait = (middle < Longest ? middle : Longest) * (0.5 + _random());
        if (asked is { } least && least > wait)
        {
            wait = least < LongestAsked ? least : LongestAsked;
        }

        return wait;
    }

    /// <summary>It went well.</summary>
    public void Reset() => _failures = 0;
}
