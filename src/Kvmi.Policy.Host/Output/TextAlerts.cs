using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output;

/// <summary>The text form of what spec.alerts kept back.</summary>
internal static class TextAlerts
{
    public static void Write(StringBuilder line, SuppressedAlertsOutput record, Func<object?, string> value)
    {
        line.AppendSafe(record.Policy).Append(": ").AppendSafe(record.Name)
            .Append(CultureInfo.InvariantCulture, $" +{record.Count} suppressed in {Words.Duration(record.Window)}")
            .Append(record.IsThrottle ? " (throttle, " : " (dedupe, ").Append(Words.CamelCase(record.Severity.ToString())).Append(", ")
            .Append(Words.CamelCase(record.Mode.ToString())).Append(')');
        foreach (var field in record.Fields)
        {
            line.Append(' ').AppendSafe(field.Name).Append('=').AppendSafe(value(field.Value));
        }
    }
}
