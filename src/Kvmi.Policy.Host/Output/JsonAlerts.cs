using System.Text.Json;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output;

/// <summary>The JSON form of what spec.alerts kept back.</summary>
internal static class JsonAlerts
{
    /// <summary>Type of such lines.</summary>
    public const string SuppressedType = "suppressed";

    public static void Write(Utf8JsonWriter json, SuppressedAlertsOutput record)
    {
        json.WriteString("policy", record.Policy);
        json.WriteString("name", record.Name);
        json.WriteString("severity", Words.CamelCase(record.Severity.ToString()));
        json.WriteString("mode", Words.CamelCase(record.Mode.ToString()));
        json.WriteNumber("count", record.Count);
        json.WriteNumber("seconds", Math.Round(record.Window.TotalSeconds, 3));
        json.WriteString("by", record.IsThrottle ? "throttle" : "dedupe");
        json.WriteStartObject("fields");
        foreach (var field in record.Fields)
        {
            json.WritePropertyName(field.Name);
            JsonValue.Write(json, field.Value);
        }

        json.WriteEndObject();
    }
}
