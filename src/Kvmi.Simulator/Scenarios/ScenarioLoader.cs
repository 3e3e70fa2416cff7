using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kvmi.Simulator.Scenarios;

/// <summary>Reads scenario files. Everything in them is bounded and every error names file, line and column.</summary>
internal sealed partial class ScenarioLoader
{
    /// <summary>Largest file.</summary>
    public const int MaxFileBytes = 64 * 1024;

    /// <summary>Largest number of steps.</summary>
    public const int MaxSteps = 1000;

    private const int MaxPace = 10_000_000;
    private static readonly TimeSpan MaxTime = TimeSpan.FromHours(1);
    private static readonly string[] Keys =
        ["scenario", "vcpus", "seed", "hello", "name", "uuid", "settle", "max-wait", "pace", "reconnect", "faults", "steps"];

    private readonly string _file;
    private readonly IReadOnlyCollection<string> _programs;

    private ScenarioLoader(string file, IReadOnlyCollection<string> programs)
    {
        _file = file;
        _programs = programs;
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="programs">Names of the guest programs that exist.</param>
    /// <exception cref="SimulatorException">Cannot be read, or is not a scenario.</exception>
    public static Scenario Load(string path, IReadOnlyCollection<string> programs)
    {
        byte[] bytes;
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.Length > MaxFileBytes)
            {
                throw new SimulatorException($"{path}: a scenario has at most {MaxFileBytes} bytes, this file has {stream.Length}.");
            }

            bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SimulatorException($"{path}: the scenario cannot be read: {exception.Message}", exception);
        }

        return Parse(path, Encoding.UTF8.GetString(bytes), programs);
    }

    /// <summary>Reads a text.</summary>
    /// <param name="file">Name for messages.</param>
    /// <param name="text">The YAML.</param>
    /// <param name="programs">Names of the guest programs that exist.</param>
    /// <exception cref="SimulatorException">Not a scenario.</exception>
    public static Scenario Parse(string file, string text, IReadOnlyCollection<string> programs)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count != 1)
            {
                throw new SimulatorException($"{file}:1:1: expected one YAML document, found {stream.Documents.Count}.");
            }

            return new ScenarioLoader(file, programs).Read(stream.Documents[0].RootNode);
        }
        catch (YamlException exception)
        {
            throw new SimulatorException(
                string.Create(CultureInfo.InvariantCulture, $"{file}:{exception.Start.Line}:{exception.Start.Column}: {exception.Message}"), exception);
        }
    }

    private Scenario Read(YamlNode node)
    {
        var root = Mapping(node, "the scenario", Keys);
        var stepsNode = root.GetValueOrDefault("steps") ?? throw Error(node, "'steps' is missing; give at least one, for example '- program: boot'");
        if (stepsNode is not YamlSequenceNode sequence || sequence.Children.Count is 0 or > MaxSteps)
        {
            throw Error(stepsNode, $"'steps' must be a list of 1 to {MaxSteps} steps");
        }

        var vcpus = (int)Number(root, "vcpus", 2, 1, SimulatorOptions.MaxVcpus);
        var defaults = new Scenario { Title = Path.GetFileNameWithoutExtension(_file), Steps = [] };
        return defaults with
        {
            Title = Text(root, "scenario", defaults.Title),
            Vcpus = vcpus,
            Seed = (ulong)Number(root, "seed", (long)defaults.Seed, 0, long.MaxValue),
            Hello = Hello(root),
            Name = Text(root, "name", defaults.Name),
            Uuid = Uuid(root, defaults.Uuid),
            Settle = Time(root, "settle", defaults.Settle),
            MaxWait = Time(root, "max-wait", defaults.MaxWait),
            Pace = root.ContainsKey("pace") ? (int)Number(root, "pace", 0, 1, MaxPace) : null,
            Reconnect = root.ContainsKey("reconnect") ? Time(root, "reconnect", default) : null,
            Faults = Faults(root),
            Steps = InOrder(sequence, [.. sequence.Children.Select(child => Step(child, vcpus))]),
        };
    }

    private Dictionary<string, YamlNode> Mapping(YamlNode node, string what, string[] allowed)
    {
        if (node is not YamlMappingNode mapping)
        {
            throw Error(node, $"{what} must be a mapping of {string.Join(", ", allowed)}");
        }

        var result = new Dictionary<string, YamlNode>();
        foreach (var (keyNode, value) in mapping.Children)
        {
            var key = (keyNode as YamlScalarNode)?.Value ?? string.Empty;
            if (!allowed.Contains(key))
            {
                throw Error(keyNode, $"unknown key '{key}' in {what}{Suggest(key, allowed)}; keys: {string.Join(", ", allowed)}");
            }

            result[key] = value;
        }

        return result;
    }

    private string Text(Dictionary<string, YamlNode> map, string key, string fallback)
    {
        if (!map.TryGetValue(key, out var node))
        {
            return fallback;
        }

        return node is YamlScalarNode { Value: { Length: > 0 and <= 63 } value }
            ? value
            : throw Error(node, $"'{key}' must be a text of 1 to 63 characters");
    }

    private long Number(Dictionary<string, YamlNode> map, string key, long fallback, long min, long max)
    {
        if (!map.TryGetValue(key, out var node))
        {
            return fallback;
        }

        return node is YamlScalarNode { Value: { } text }
            && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max
            ? value
            : throw Error(node, string.Create(CultureInfo.InvariantCulture, $"'{key}' must be a whole number from {min} to {max}"));
    }

    private TimeSpan Time(Dictionary<string, YamlNode> map, string key, TimeSpan fallback)
    {
        if (!map.TryGetValue(key, out var node))
        {
            return fallback;
        }

        var text = (node as YamlScalarNode)?.Value ?? string.Empty;
        var unit = text.EndsWith("ms", StringComparison.Ordinal) ? 1 : text.EndsWith('s') ? 1000 : 0;
        var digits = text.TrimEnd('m', 's');
        return unit > 0
            && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value <= MaxTime.TotalMilliseconds / unit
            ? TimeSpan.FromMilliseconds(value * unit)
            : throw Error(node, $"'{key}' must be a time such as 150ms or 2s, at most {MaxTime.TotalSeconds:0}s");
    }

    private HelloForm? Hello(Dictionary<string, YamlNode> map) => !map.TryGetValue("hello", out var node)
        ? null
        : (node as YamlScalarNode)?.Value switch
        {
            "base" => HelloForm.Base,
            "short" => HelloForm.Short,
            "max-gpa" => HelloForm.MaxGpa,
            "e820" => HelloForm.E820,
            _ => throw Error(node, "'hello' must be base (96 bytes), short (32), max-gpa (104) or e820 (104 and a memory map)"),
        };

    private Guid Uuid(Dictionary<string, YamlNode> map, Guid fallback)
    {
        if (!map.TryGetValue("uuid", out var node))
        {
            return fallback;
        }

        return Guid.TryParse((node as YamlScalarNode)?.Value, out var uuid)
            ? uuid
            : throw Error(node, "'uuid' must be a UUID such as 4b564d49-0000-4000-8000-000000000001");
    }

    private static string Suggest(string wrong, IEnumerable<string> known)
    {
        var near = known.Select(name => (Name: name, Distance: Distance(wrong, name))).OrderBy(pair => pair.Distance).First();
        return near.Distance <= Math.Max(2, near.Name.Length / 4) ? $" (did you mean '{near.Name}'?)" : string.Empty;
    }

    /// <summary>Number of letters to insert, delete or change; very long words count as entirely different.</summary>
    private static int Distance(string left, string right)
    {
        if (left.Length > 63)
        {
            return int.MaxValue;
        }

        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var change = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[right.Length];
    }

    private SimulatorException Error(YamlNode node, string message) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{_file}:{node.Start.Line}:{node.Start.Column}: {message}."));
}
