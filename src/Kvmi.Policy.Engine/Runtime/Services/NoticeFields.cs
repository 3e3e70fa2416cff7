using System.Globalization;
using System.Reflection;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>
/// Turns the anonymous object of an alert into plain fields, at once and bounded. The property readers are kept per policy
/// instance and never statically: they would keep the policy's collectible assembly alive.
/// </summary>
internal sealed class NoticeFields
{
    private const int MaxFields = 32;
    private const int MaxText = 1024;
    private const int MaxBytes = 256;
    private readonly Dictionary<Type, Reader[]> _readers = [];

    public OutputField[] Read(object? source)
    {
        if (source is null)
        {
            return [];
        }

        var type = source.GetType();
        if (!_readers.TryGetValue(type, out var readers))
        {
            readers =
            [
                .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                    .Where(property => property.CanRead && property.GetIndexParameters().Length == 0)
                    .Take(MaxFields)
                    .Select(property => new Reader(CamelCase(property.Name), property)),
            ];
            _readers.Add(type, readers);
        }

        var fields = new OutputField[readers.Length];
        for (var i = 0; i < readers.Length; i++)
        {
            fields[i] = new OutputField(readers[i].Name, Plain(readers[i].Property.GetValue(source)));
        }

        return fields;
    }

    private static string Bounded(string text) => text.Length <= MaxText ? text : text[..MaxText];

    private static object? Plain(object? value) => value switch
    {
        null or bool or long or ulong or double => value,

        // Only 64-bit unsigned numbers are addresses or register values; a vCPU or a count is a plain number in the output.
        byte or ushort or uint or sbyte or short or int => Convert.ToInt64(value, CultureInfo.InvariantCulture),
        float number => (double)number,
        string text => Bounded(text),
        byte[] bytes => bytes.AsSpan(0, Math.Min(bytes.Length, MaxBytes)).ToArray(),
        IFormattable formattable => Bounded(formattable.ToString(null, CultureInfo.InvariantCulture)),
        _ => Bounded(value.ToString() ?? ""),
    };

    private static string CamelCase(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private readonly record struct Reader(string Name, PropertyInfo Property);
}
