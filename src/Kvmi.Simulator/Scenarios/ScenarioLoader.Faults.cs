using System.Globalization;
using Kvmi.Simulator.Transport.Faults;
using YamlDotNet.RepresentationModel;

namespace Kvmi.Simulator.Scenarios;

/// <summary>The faults of a scenario.</summary>
internal sealed partial class ScenarioLoader
{
    /// <summary>Largest number of faults.</summary>
    public const int MaxFaults = 100;

    private const long MaxCount = 1_000_000_000_000;
    private const int MaxFaultBytes = 65_535;
    private static readonly string[] FaultNames = [.. FaultCatalogue.All.Select(fault => fault.Name)];
    private static readonly string[] FaultKeys = ["kind", "on", "after", "every", "probability", "times", "delay", "bytes"];

    private IReadOnlyList<FaultRule> Faults(Dictionary<string, YamlNode> root)
    {
        if (!root.TryGetValue("faults", out var node))
        {
            return [];
        }

        return node is YamlSequenceNode sequence && sequence.Children.Count is > 0 and <= MaxFaults
            ? [.. sequence.Children.Select(Fault)]
            : throw Error(node, $"'faults' must be a list of 1 to {MaxFaults} faults, for example '- kind: slow-kernel'");
    }

    private FaultRule Fault(YamlNode node)
    {
        var map = Mapping(node, "a fault", FaultKeys);
        if (!map.TryGetValue("kind", out var kindNode))
        {
            throw Error(node, $"'kind' is missing; kinds: {string.Join(", ", FaultNames)}");
        }

        var name = Text(map, "kind", string.Empty);
        var fault = FaultCatalogue.All.FirstOrDefault(fault => fault.Name == name)
            ?? throw Error(kindNode, $"there is no fault '{name}'{Suggest(name, FaultNames)}; kinds: {string.Join(", ", FaultNames)}");
        var allowed = fault.Keys().ToArray();
        foreach (var (key, value) in map)
        {
            if (!allowed.Contains(key))
            {
                throw Error(value, $"'{key}' has no meaning for {name}, which takes {string.Join(", ", allowed)}");
            }
        }

        return new FaultRule
        {
            Kind = fault.Kind,
            On = Scope(map, fault.Scope),
            After = Number(map, "after", 0, 0, MaxCount),
            Every = Number(map, "every", 1, 1, MaxCount),
            Probability = Probability(map),
            Times = Times(map, fault.Breaks ? 1 : 0),
            Delay = Time(map, "delay", fault.Delay ?? TimeSpan.Zero),
            Bytes = map.ContainsKey("bytes") ? (int)Number(map, "bytes", 1, 1, MaxFaultBytes) : null,
        };
    }

    private FaultScope Scope(Dictionary<string, YamlNode> map, FaultScope fallback) => !map.TryGetValue("on", out var node)
        ? fallback
        : (node as YamlScalarNode)?.Value switch
        {
            "any" => FaultScope.Any,
            "events" => FaultScope.Events,
            "replies" => FaultScope.Replies,
            _ => throw Error(node, "'on' must be events, replies or any"),
        };

    private double? Probability(Dictionary<string, YamlNode> map)
    {
        if (!map.TryGetValue("probability", out var node))
        {
            return null;
        }

        return node is YamlScalarNode { Value: { } text }
            && double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            && value is > 0 and <= 1
            ? value
            : throw Error(node, "'probability' must be a number above 0 and at most 1, such as 0.05");
    }

    private long Times(Dictionary<string, YamlNode> map, long fallback) =>
        map.TryGetValue("times", out var node) && node is YamlScalarNode { Value: "endless" } ? 0 : Number(map, "times", fallback, 1, MaxCount);
}
