using System.Globalization;
using System.Text.Json;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output;

/// <summary>The JSON form of a field's value.</summary>
internal static class JsonValue
{
    /// <summary>
    /// ulong and byte[] become hexadecimal strings, smaller integers numbers, lists of fields objects, other lists arrays, everything unknown its text.
    /// </summary>
    public static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case ulong number: json.WriteStringValue(Words.Hex(number)); break;
            case long number: json.WriteNumberValue(number); break;
            case int number: json.WriteNumberValue(number); break;
            case uint number: json.WriteNumberValue(number); break;
            case ushort number: json.WriteNumberValue(number); break;
            case byte number: json.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case byte[] bytes: json.WriteStringValue(Convert.ToHexStringLower(bytes)); break;
            case IReadOnlyList<OutputField> fields: WriteObject(json, fields); break;
            case IReadOnlyList<object?> items: WriteArray(json, items); break;
            default: json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    private static void WriteArray(Utf8JsonWriter json, IReadOnlyList<object?> items)
    {
        json.WriteStartArray();
        foreach (var item in items)
        {
            Write(json, item);
        }

        json.WriteEndArray();
    }

    private static void WriteObject(Utf8JsonWriter json, IReadOnlyList<OutputField> fields)
    {
        json.WriteStartObject();
        foreach (var field in fields)
        {
            json.WritePropertyName(field.Name);
            Write(json, field.Value);
        }

        json.WriteEndObject();
    }
}
