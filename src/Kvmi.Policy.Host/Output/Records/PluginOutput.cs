using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>What a plugin is, offers and needs.</summary>
internal sealed record PluginOutput : OutputRecord
{
    public required PluginReport Report { get; init; }

    /// <summary>Writes the members.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        var plugin = Report.Plugin;
        json.WriteString("plugin", plugin.Id);
        json.WriteString("file", plugin.MainAssemblyPath);
        json.WriteString("version", plugin.Version.ToString());
        json.WriteString("contract", plugin.ContractVersion.ToString());
        json.WriteString("sha256", plugin.Sha256);
        json.WriteBoolean("loads", Report.Problem is null);
        Texts(json, "policies", Report.Policies);
        Objects(json, "handlers", Report.Handlers, handler =>
        {
            json.WriteString("class", handler.Class);
            json.WriteString("name", handler.Name);
            json.WriteString("event", handler.Event);
        });
        Texts(json, "services", Report.Services);
        Texts(json, "sinks", Report.Sinks);
        Objects(json, "references", Report.References, reference =>
        {
            json.WriteString("name", reference.Name);
            json.WriteString("from", Words.CamelCase(reference.Kind.ToString()));
            if (reference.Version is { } version)
            {
                json.WriteString("version", version.ToString());
            }

            if (reference.Path is { } path)
            {
                json.WriteString("file", path);
            }
        });
        Objects(json, "probes", Report.Probes, probe =>
        {
            json.WriteString("file", probe.Path);
            json.WriteString("outcome", probe.Outcome);
        });
    }

    /// <summary>Writes the lines for people.</summary>
    public void WriteText(StringBuilder line)
    {
        var plugin = Report.Plugin;
        var text = new StringBuilder();
        text.Append("plugin   ").Append(plugin.Id).Append(' ').Append(plugin.Version).Append(": contract ").Append(plugin.ContractVersion);
        text.Append(Report.Problem is null ? ", loads" : ", does not load").Append("\n    file       ").Append(OneLine(plugin.MainAssemblyPath));
        text.Append("\n    sha256     ").Append(plugin.Sha256);
        foreach (var policy in Report.Policies)
        {
            var handlers = Report.Handlers.Where(handler => handler.Class == policy).Select(handler => $"{handler.Name} ({handler.Event})").ToList();
            text.Append("\n    policy     ").Append(OneLine(policy)).Append(": ").Append(handlers.Count == 0 ? "no handlers" : OneLine(string.Join(", ", handlers)));
        }

        Append(text, "service", Report.Services);
        Append(text, "sink", Report.Sinks);
        Append(text, "reference", Report.References.Select(reference =>
            $"{reference.Name}{(reference.Version is { } version ? $" {version}" : "")}: {Words.CamelCase(reference.Kind.ToString())}{(reference.Path is { } path ? $", {path}" : "")}"));
        Append(text, "probed", Report.Probes.Select(probe => $"{probe.Path}: {probe.Outcome}"));
        TextControl.Append(line, text.ToString());
    }

    private static void Append(StringBuilder text, string word, IEnumerable<string> items)
    {
        foreach (var item in items)
        {
            text.Append("\n    ").Append(word.PadRight(11)).Append(OneLine(item));
        }
    }

    private static string OneLine(string text) => text.Replace("\n", "\\n", StringComparison.Ordinal);

    private static void Texts(Utf8JsonWriter json, string name, IReadOnlyList<string> items)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStringValue(item);
        }

        json.WriteEndArray();
    }

    private static void Objects<T>(Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStartObject();
            write(item);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
