using System.Globalization;

namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>A resource limit.</summary>
/// <param name="Soft">What is in force; <see cref="Unlimited"/> for none.</param>
/// <param name="Hard">How far this user may raise it.</param>
internal sealed record LimitFacts(ulong Soft, ulong Hard)
{
    /// <summary>No limit.</summary>
    public const ulong Unlimited = ulong.MaxValue;

    /// <summary>A limit for people.</summary>
    public static string Text(ulong value) => value == Unlimited ? "unlimited" : value.ToString(CultureInfo.InvariantCulture);
}
