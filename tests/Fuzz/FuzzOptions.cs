using System.Globalization;

namespace Kvmi.Fuzz;

/// <summary>What a run is asked for.</summary>
internal sealed record FuzzOptions
{
    public const string Usage = """
        Kvmi.Fuzz: mutated messages into every decoder of Kvmi.Protocol.

          --messages N    how many (default 200000)
          --seed N        decides every message (default 1)
          --first N       number of the first message (default 0); a finding says which one to give
          --captures DIR  hex captures to begin with (default: those beside the program)

        Exit code 0: nothing found. 1: a finding, printed with how to repeat it. 2: wrong usage.
        """;

    public long Messages { get; init; } = 200_000;

    public ulong Seed { get; init; } = 1;

    public long First { get; init; }

    public string Captures { get; init; } = DefaultCaptures;

    /// <summary>The captures that the build puts beside the program.</summary>
    public static string DefaultCaptures { get; } = Path.Combine(AppContext.BaseDirectory, "captures");

    /// <summary>The options that make a message again, with those of its conversation before it.</summary>
    public static string Again(ulong seed, long number)
    {
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
