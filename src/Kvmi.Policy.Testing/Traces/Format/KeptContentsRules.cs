namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>Bounds of what is kept.</summary>
internal static class KeptContentsRules
{
    /// <summary>Least number of bytes whose hash is kept without them: a hash of fewer can be tried out.</summary>
    public const int LeastHashed = 64;
}
