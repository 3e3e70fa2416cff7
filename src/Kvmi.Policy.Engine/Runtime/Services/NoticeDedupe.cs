using System.Globalization;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>Which alerts of one policy on one VM are silenced, and until when. When there are too many, alerts pass: nothing is hidden
/// wrongly.</summary>
internal sealed class NoticeDedupe
{
    private const int MaxKeys = 16_384;
    private const int UsualKey = 512;
    private readonly Dictionary<string, long> _until = new(StringComparer.Ordinal);

    // The key of the alert that is looked at. An alert that is silenced allocates nothing once this is long enough.
    private char[] _key = new char[UsualKey];
    private int _length;

    public bool IsSilenced(PolicyAlertSettings settings, string name, OutputField[] fields, TimeProvider time)
    {
        if (settings.DedupeWindow <= TimeSpan.Zero)
        {
            return false;
        }

        var now = time.GetTimestamp();
        MakeKey(settings, name, fields);
        var lookup = _until.GetAlternateLookup<ReadOnlySpan<char>>();
        var key = _key.AsSpan(0, _length);
        if (lookup.TryGetValue(key, out var until) && now < until)
        {
            return true;
        }

        if (_until.Count >= MaxKeys && !lookup.ContainsKey(key))
        {
            Prune(now);
            if (_until.Count >= MaxKeys)
            {
                return false;
            }
        }

        lookup[key] = now + (long)(settings.DedupeWindow.TotalSeconds * time.TimestampFrequency);
        return false;
    }

    private void MakeKey(PolicyAlertSettings settings, string name, OutputField[] fields)
    {
        _length = 0;
        Append(name);
        for (var i = 0; i < settings.DedupeBy.Count; i++)
        {
            // The length comes first, in one character (texts are bounded): what one field holds cannot look like two.
            var start = _length;
            Append("\0");
            AppendValue(Find(fields, settings.DedupeBy[i]));
            _key[start] = (char)(_length - start);
        }
    }

    private static object? Find(OutputField[] fields, string name)
    {
        foreach (ref readonly var field in fields.AsSpan())
        {
            if (string.Equals(field.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                return field.Value;
            }
        }

        return null;
    }

    private void AppendValue(object? value)
    {
        switch (value)
        {
            case string text:
                Append(text);
                break;
            case ulong number:
                Append(number);
                break;
            case long number:
                Append(number);
                break;
            case byte[] bytes:
                Append(Convert.ToHexString(bytes));
                break;
            default:
                Append(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
                break;
        }
    }

    private void Append(ReadOnlySpan<char> text)
    {
        Reserve(text.Length);
        text.CopyTo(_key.AsSpan(_length));
        _length += text.Length;
    }

    private void Append<T>(T number)
        where T : ISpanFormattable
    {
        const int MostDigits = 24;
        Reserve(MostDigits);
        if (number.TryFormat(_key.AsSpan(_length), out var written, default, CultureInfo.InvariantCulture))
        {
            _length += written;
        }
    }

    private void Reserve(int length)
    {
        if (_key.Length - _length < length)
        {
            Array.Resize(ref _key, Math.Max(2 * _key.Length, _length + length));
        }
    }

    private void Prune(long now)
    {
        foreach (var key in _until.Where(pair => pair.Value <= now).Select(pair => pair.Key).ToArray())
        {
            _until.Remove(key);
        }
    }
}
