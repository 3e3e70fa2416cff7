using System.CommandLine;
using Kvmi.Policy.Engine.OneLiners;
using Kvmi.Policy.Host.OneLiners;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>-e and --vm: policies in one line.</summary>
internal sealed class OneLinerOptions
{
    private readonly Option<string[]> _expressions = new("--expression", "-e")
    {
        Description = "A policy in one line, such as 'msr[lstar] when old != 0 => keep, alert(\"lstar\")'; may be given again; without --policies it is "
            + "the only one. It reports only; --mode enforce carries its decision out",
        HelpName = "ONE-LINER",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> _vms = Vms();

    /// <summary>--vm.</summary>
    public static Option<string[]> Vms() => new("--vm")
    {
        Description = "Name of the VM that the one-liners are for, a * at its end stands for any rest; may be given again (default: all)",
        HelpName = "NAME",
        DefaultValueFactory = _ => [],
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_expressions);
        verb.Add(_vms);
    }

    /// <summary>The one-liners that were given.</summary>
    /// <exception cref="UsageException">One cannot be understood.</exception>
    public GivenOneLiners Read(ParseResult parse, bool untrusted)
    {
        var texts = parse.GetRequiredValue(_expressions);
        var vms = parse.GetRequiredValue(_vms);
        if (texts.Length == 0 && vms.Length > 0)
        {
            throw new UsageException("--vm is about one-liners, and there is none: give -e too.");
        }

        List<OneLiner> lines = [];
        for (var i = 0; i < texts.Length; i++)
        {
            lines.Add(Parse(texts[i], texts.Length == 1 ? "-e" : $"-e, the {Ordinal(i + 1)} one", untrusted));
        }

        return new GivenOneLiners(lines, vms, "expression-");
    }

    /// <summary>Reads one.</summary>
    /// <param name="text">The one-liner.</param>
    /// <param name="where">What messages call it.</param>
    /// <param name="untrusted">Does its policy run in a worker?</param>
    /// <exception cref="UsageException">It cannot be understood.</exception>
    public static OneLiner Parse(string text, string where, bool untrusted)
    {
        try
        {
            var line = OneLiner.Parse(text);
            return untrusted && line.Counts
                ? throw new UsageException($"{where}: a policy in a worker process cannot count by key: leave count(...) or --untrusted out.")
                : line;
        }
        catch (OneLinerException exception)
        {
            throw new UsageException($"{where}: {exception.Message}");
        }
    }

    private static string Ordinal(int number) => number switch
    {
        1 => "1st",
        2 => "2nd",
        3 => "3rd",
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{number}th"),
    };
}
