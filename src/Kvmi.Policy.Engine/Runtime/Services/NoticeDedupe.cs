using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>Which alerts of one policy on one VM are silenced, and until when. When there are too many, alerts pass: nothing is hidden
/// wrongly.</summary>
internal sealed class NoticeDedupe
{
    private const int MaxKeys = 16_384;
    private readonly Dictionary<string, long> _until = new(StringComparer.Ordinal);

    public bool IsSilenced(PolicyAlertSettings settings, string name, OutputField[] fields, TimeProvider time)
    {
        if (settings.DedupeWindow <= TimeSpan.Zero)
        {
            return false;
        }

        var now = time.GetTimestamp();
        var key = Key(settings, name, fields);
        if (_until.TryGetValue(key, out var until) && now < until)
        {
            return true;
        }

        if (_until.Count >= MaxKeys && !_until.ContainsKey(key))
        {
            Prune(now);
            if (_until.Count >= MaxKeys)
            {
                return false;
            }
        }

        _until[key] = now + (long)(settings.DedupeWindow.TotalSeconds * time.TimestampFrequency);
        return false;
    }

    private static string Key(PolicyAlertSettings settings, string name, OutputField[] fields)
    {
        var key = new StringBuilder(name);
        foreach (var by in settings.DedupeBy)
        {
            var field = Array.Find(fields, f => string.Equals(f.Name, by, StringComparison.OrdinalIgnoreCase));
            var text = field.Value is byte[] bytes
                ? Convert.ToHexString(bytes)
                : Convert.ToString(field.Value, CultureInfo.InvariantCulture) ?? "";
            key.Append('\0').Append(text.Length).Append(':').Append(text);
        }

        return key.ToString();
    }

    private void Prune(long now)
    {
        foreach (var key in _until.Where(pair => pair.Value <= now).Select(pair => pair.Key).ToArray())
        {
            _until.Remove(key);
        }
    }
}
