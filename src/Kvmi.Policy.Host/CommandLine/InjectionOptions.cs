using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Kvmi.Policy.Host.Running;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Options of <c>run</c> that inject faults on purpose. One set a verb.</summary>
internal sealed class InjectionOptions
{
    private readonly Option<IReadOnlyDictionary<FaultKind, double>?> _inject = new("--inject")
    {
        Description = "Inject faults on purpose, to see that policies and alerts survive them: KIND=RATE[,KIND=RATE...]; may be given again. Kinds: "
            + $"{FaultNames.All}. A rate is the probability at each opportunity: 0.001, 1/1000 or 0.1%. Not for production",
        HelpName = "KIND=RATE",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = Parse,
    };

    private readonly Option<ulong?> _seed = new("--inject-seed")
    {
        Description = "Seed of the injected faults (default: a random one, which the run tells)",
        HelpName = "N",
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_inject);
        verb.Add(_seed);
    }

    /// <summary>What the command line asks for; null for no faults.</summary>
    /// <exception cref="UsageException">A seed without faults.</exception>
    public FaultPlan? Read(ParseResult parse)
    {
        var rates = parse.GetResult(_inject) is null ? null : parse.GetValue(_inject);
        var number = parse.GetValue(_seed);
        if (rates is null)
        {
            return number is null ? null : throw new UsageException("--inject-seed is about injected faults, and there are none: give --inject too.");
        }

        return new FaultPlan(rates, number ?? (ulong)Random.Shared.NextInt64());
    }

    private static Dictionary<FaultKind, double>? Parse(ArgumentResult result)
    {
        Dictionary<FaultKind, double> rates = [];
        foreach (var part in result.Tokens.SelectMany(token => token.Value.Split(',')))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? part : part[..equals];
            if (FaultNames.Find(name) is not { } kind)
            {
                result.AddError($"'{part}' injects nothing that is known: write KIND=RATE with one of the kinds {FaultNames.All}.");
                return null;
            }

            if (equals < 0 || !TryParseRate(part.AsSpan(equals + 1), out var rate))
            {
                result.AddError($"'{part}' has no rate: write {name}=0.001, {name}=1/1000 or {name}=0.1%, above 0 and at most 1. Kinds: {FaultNames.All}.");
                return null;
            }

            if (!rates.TryAdd(kind, rate))
            {
                result.AddError($"'{part}': {name} has a rate already; give each kind once.");
                return null;
            }
        }

        return rates;
    }

    private static bool TryParseRate(ReadOnlySpan<char> text, out double rate)
    {
        rate = 0;
        var slash = text.IndexOf('/');
        if (slash >= 0)
        {
            if (!TryParseNumber(text[..slash], out rate) || !TryParseNumber(text[(slash + 1)..], out var whole) || whole == 0)
            {
                return false;
            }

            rate /= whole;
        }
        else if (text is [.. var percent, '%'])
        {
            if (!TryParseNumber(percent, out rate))
            {
                return false;
            }

            rate /= 100;
        }
        else if (!TryParseNumber(text, out rate))
        {
            return false;
        }

        return rate is > 0 and <= 1;
    }

    private static bool TryParseNumber(ReadOnlySpan<char> text, out double number) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);
}
