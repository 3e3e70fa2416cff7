using System.Globalization;

namespace Kvmi.Fuzz;

/// <summary>What a run is asked for.</summary>
internal sealed record FuzzOptions
{
    public const string Usage = """
        Kvmi.Fuzz: mutated messages into every decoder of Kvmi.Protocol, or mutated traces into what reads and copies them.

          --what WORD     messages (default) or traces

          --messages N    how many (default 200000)
          --seed N        decides every message (default 1)
          --first N       number of the first message (default 0); a finding says which one to give
          --traces DIR    traces to begin with (default: those beside the program)
          --captures DIR  hex captures to begin with (default: those beside the program)

        Exit code 0: nothing found. 1: a finding, printed with how to repeat it. 2: wrong usage.
        """;

    /// <summary>The word for messages.</summary>
    public const string MessagesWord = "messages";

    /// <summary>The word for traces.</summary>
    public const string TracesWord = "traces";

    /// <summary>One of the two words.</summary>
    public string What { get; init; } = MessagesWord;

    public long Messages { get; init; } = 200_000;

    public ulong Seed { get; init; } = 1;

    public long First { get; init; }

    public string Captures { get; init; } = DefaultCaptures;

    public string Traces { get; init; } = DefaultTraces;

    /// <summary>The captures that the build puts beside the program.</summary>
    public static string DefaultCaptures { get; } = Path.Combine(AppContext.BaseDirectory, "captures");

    /// <summary>The traces that the build puts beside the program.</summary>
    public static string DefaultTraces { get; } = Path.Combine(AppContext.BaseDirectory, "traces");

    /// <summary>The options that make an input again, a message with those of its conversation before it.</summary>
    public static string Again(ulong seed, long number, string what)
    {
        if (what == TracesWord)
        {
            return string.Create(CultureInfo.InvariantCulture, $"--what {what} --seed {seed} --first {number} --messages 1");
        }

        var within = number % FuzzRun.ConversationLength;
        return string.Create(CultureInfo.InvariantCulture, $"--seed {seed} --first {number - within} --messages {within + 1}");
    }

    /// <summary>Reads the command line.</summary>
    /// <returns>Null when it is wrong; <paramref name="error"/> then says why.</returns>
    public static FuzzOptions? Parse(string[] arguments, out string? error)
    {
        var options = new FuzzOptions();
        error = null;
        for (var i = 0; i < arguments.Length; i += 2)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            var isNumber = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            FuzzOptions? next = arguments[i] switch
            {
                "--messages" when isNumber && number > 0 => options with { Messages = number },
                "--seed" when isNumber => options with { Seed = (ulong)number },
                "--first" when isNumber => options with { First = number },
                "--what" when value is MessagesWord or TracesWord => options with { What = value },
                "--traces" when Directory.Exists(value) => options with { Traces = value },
                "--captures" when Directory.Exists(value) => options with { Captures = value },
                _ => null,
            };
            if (next is null)
            {
                error = $"'{arguments[i]} {value}' is not an option with a value that makes sense.";
                return null;
            }

            options = next;
        }

        return options;
    }
}
