namespace Kvmi.Fuzz.Decoders;

/// <summary>A decoder did something that it must not: the finding of a run.</summary>
internal sealed class DecoderDefectException(string decoder, string what, Exception? cause = null)
    : Exception($"{decoder}: {what}", cause)
{
    /// <summary>Which decoder.</summary>
    public string Decoder { get; } = decoder;

    public static void Require(bool condition, string decoder, string what)
    {
        if (!condition)
        {
            throw new DecoderDefectException(decoder, what);
        }
    }
}
