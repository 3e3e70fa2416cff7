using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Output.Alerts;

/// <summary>
/// The open windows of one policy on one VM. A guest chooses what stands in the fields, so the keys are a keyed hash that it cannot
/// make collide: it could silence another alert with that. Both tables are bounded. When too many different alerts are remembered,
/// further ones pass, because nothing may be hidden wrongly; against a flood of them helps the throttle, which never lets go.
/// Used by the output thread alone.
/// </summary>
internal sealed class AlertWindows
{
    /// <summary>Different alerts that are remembered.</summary>
    public const int MaxKeys = 4096;

    /// <summary>Names of alerts that have a throttle of their own; all further ones share one.</summary>
    public const int MaxNames = 256;

    /// <summary>Name in the report of the names that share a throttle.</summary>
    public const string OtherNames = "(others)";

    private static readonly TimeSpan LongestWindow = TimeSpan.FromDays(365);
    private static readonly UInt128 SharedName = UInt128.Zero;

    private readonly byte[] _secret = new byte[sizeof(ulong)];
    private readonly ArrayBufferWriter<byte> _key = new(256);
    private readonly Dictionary<UInt128, AlertWindow> _repeats = [];
    private readonly Queue<UInt128> _oldest = [];
    private readonly Dictionary<UInt128, AlertWindow> _names = [];

    /// <summary>Makes empty tables.</summary>
    /// <param name="seed">A number that guests do not know.</param>
    public AlertWindows(ulong seed) => BinaryPrimitives.WriteUInt64LittleEndian(_secret, seed);

    /// <summary>Decides about an alert.</summary>
    /// <param name="settings">The policy's.</param>
    /// <param name="notice">The alert.</param>
    /// <param name="now">Timestamp of the alert.</param>
    /// <param name="frequency">Timestamps in a second.</param>
    /// <returns>The window that keeps it back; null when it passes.</returns>
    public AlertWindow? Take(PolicyAlertSettings settings, NoticeOutput notice, long now, long frequency)
    {
        var key = UInt128.Zero;
        if (settings.DedupeWindow > TimeSpan.Zero)
        {
            key = Hash(settings.DedupeBy, notice);
            if (_repeats.TryGetValue(key, out var repeated) && now < repeated.End)
            {
                return repeated;
            }
        }

        if (settings.Throttle is { } throttle)
        {
            var window = ThrottleOf(notice.Name, throttle, now, frequency);
            if (window.Passed >= throttle.Limit)
            {
                return window;
            }

            window.Passed++;
        }

        // Only an alert that is shown silences others.
        if (settings.DedupeWindow > TimeSpan.Zero)
        {
            Remember(key, Open(settings.DedupeWindow, isThrottle: false, now, frequency));
        }

        return null;
    }

    private static AlertWindow Open(TimeSpan length, bool isThrottle, long now, long frequency) => new()
    {
        Start = now,
        End = now + (long)((length < LongestWindow ? length : LongestWindow).TotalSeconds * frequency),
        IsThrottle = isThrottle,
    };

    private AlertWindow ThrottleOf(string name, PolicyAlertThrottle throttle, long now, long frequency)
    {
        var key = Hash([], name, []);
        if (_names.Count >= MaxNames && !_names.ContainsKey(key))
        {
            key = SharedName;
        }

        ref var window = ref CollectionsMarshal.GetValueRefOrAddDefault(_names, key, out _);
        if (window is null || now >= window.End)
        {
            window = Open(throttle.Window, isThrottle: true, now, frequency);
        }

        return window;
    }

    /// <summary>True for the window that several names share.</summary>
    public bool IsShared(AlertWindow window) => _names.TryGetValue(SharedName, out var shared) && shared == window;

    private void Remember(UInt128 key, AlertWindow window)
    {
        while (_oldest.TryPeek(out var oldest)
            && (!_repeats.TryGetValue(oldest, out var first) || window.Start >= first.End))
        {
            _repeats.Remove(oldest);
            _oldest.Dequeue();
        }

        if (_repeats.Count >= MaxKeys && !_repeats.ContainsKey(key))
        {
            return;
        }

        ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_repeats, key, out var isKnown);
        place = window;
        if (!isKnown)
        {
            _oldest.Enqueue(key);
        }
    }

    private UInt128 Hash(IReadOnlyList<string> by, NoticeOutput notice) => Hash(by, notice.Name, notice.Fields);

    private UInt128 Hash(IReadOnlyList<string> by, string name, IReadOnlyList<OutputField> fields)
    {
        _key.ResetWrittenCount();
        Append(name);
        foreach (var wanted in by)
        {
            switch (FieldOf(fields, wanted).Value)
            {
                case null:
                    Append("");
                    break;
                case byte[] bytes:
                    Append("b");
                    Append(bytes);
                    break;
                case var value:
                    Append("t");
                    Append(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
                    break;
            }
        }

        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_secret, _key.WrittenSpan, hash);

        // Zero is the name of the shared throttle.
        return BinaryPrimitives.ReadUInt128LittleEndian(hash) | UInt128.One;
    }

    /// <summary>The field of a name as a policy file writes it; one without a value when there is none.</summary>
    public static OutputField FieldOf(IReadOnlyList<OutputField> fields, string name)
    {
        foreach (var field in fields)
        {
            if (string.Equals(field.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                return field;
            }
        }

        return new OutputField(name, null);
    }

    private void Append(string text) => Append(MemoryMarshal.AsBytes(text.AsSpan()));

    // With its length, so that no two lists of values have the same bytes.
    private void Append(ReadOnlySpan<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_key.GetSpan(sizeof(int)), bytes.Length);
        _key.Advance(sizeof(int));
        _key.Write(bytes);
    }
}
