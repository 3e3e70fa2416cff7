using System.Globalization;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>The options of one sink. Each is taken once; what nobody took is a mistake of the user's.</summary>
internal sealed class SinkOptionList
{
    private static readonly (string Unit, long Bytes)[] Sizes = [("KiB", 1024), ("MiB", 1024 * 1024), ("GiB", 1024 * 1024 * 1024)];

    private readonly string _sink;
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly List<string> _known = [];

    /// <summary>Reads the options.</summary>
    /// <param name="sink">The whole sink, for messages.</param>
    /// <param name="options">NAME=VALUE.</param>
    public SinkOptionList(string sink, ReadOnlySpan<string> options)
    {
        _sink = sink;
        foreach (var option in options)
        {
            var equals = option.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == option.Length - 1)
            {
                throw Wrong($"'{option}' is no option: write NAME=VALUE.");
            }

            if (!_values.TryAdd(option[..equals], option[(equals + 1)..]))
            {
                throw Wrong($"the option {option[..equals]} stands there twice.");
            }
        }
    }

    /// <summary>A mistake in this sink.</summary>
    public UsageException Wrong(string message) => new($"--sink {_sink}: {message}");

    /// <summary>The text of an option; null when it is not given.</summary>
    public string? Take(string name)
    {
        _known.Add(name);
        return _values.Remove(name, out var value) ? value : null;
    }

    public long TakeNumber(string name, long least, long most, long standard)
    {
        if (Take(name) is not { } text)
        {
            return standard;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw Wrong($"{name}={text}: give a number from {least} to {most}.");
    }

    public TimeSpan TakeDuration(string name, TimeSpan least, TimeSpan most, TimeSpan standard)
    {
        if (Take(name) is not { } text)
        {
            return standard;
        }

        return DurationText.TryParse(text, out var time) && time >= least && time <= most
            ? time
            : throw Wrong($"{name}={text}: give a time from {Words.Duration(least)} to {Words.Duration(most)}, for example 10s.");
    }

    /// <summary>A number of bytes: 65536, 64KiB, 100MiB.</summary>
    public long TakeSize(string name, long least, long most, long standard)
    {
        if (Take(name) is not { } text)
        {
            return standard;
        }

        var (unit, factor) = Array.Find(Sizes, size => text.EndsWith(size.Unit, StringComparison.Ordinal));
        var digits = unit is null ? text : text[..^unit.Length];
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
            && number * (unit is null ? 1 : factor) is var bytes && bytes >= least && bytes <= most
            ? bytes
            : throw Wrong($"{name}={text}: give a size from {least} bytes to {most / (1024 * 1024)}MiB, for example 64MiB.");
    }

    /// <summary>One of the words of an enumeration.</summary>
    public T TakeWord<T>(string name, T[] values, T standard)
        where T : struct, Enum
    {
        if (Take(name) is not { } text)
        {
            return standard;
        }

        var index = Array.FindIndex(values, value => Words.CamelCase(value.ToString()) == text);
        return index >= 0
            ? values[index]
            : throw Wrong($"{name}={text}: give one of {string.Join(", ", values.Select(value => Words.CamelCase(value.ToString())))}.");
    }

    /// <summary>Some words, with + between; <c>all</c> for all of them.</summary>
    public IReadOnlyList<string> TakeWords(string name, IReadOnlyList<string> words, IReadOnlyList<string> standard)
    {
        if (Take(name) is not { } text)
        {
            return standard;
        }

        var given = text.Split('+');
        return text == "all" ? []
            : given.Except(words).FirstOrDefault() is { } unknown ? throw Wrong($"{name}={text}: '{unknown}' is none of {string.Join(", ", words)}; write some of them with + between, or all.")
            : given;
    }

    /// <summary>True when the option has the one word that it may have.</summary>
    public bool TakeConsent(string name)
    {
        var text = Take(name);
        return text is null or "allow" ? text is not null : throw Wrong($"{name}={text}: write {name}=allow, or leave it out.");
    }

    /// <summary>Nothing was left over.</summary>
    /// <exception cref="UsageException">Something was.</exception>
    public void RequireEmpty()
    {
        if (_values.Keys.FirstOrDefault() is { } unknown)
        {
            throw Wrong($"there is no option {unknown} here; there are {string.Join(", ", _known)}.");
        }
    }
}
