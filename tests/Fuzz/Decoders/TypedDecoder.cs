using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz.Decoders;

/// <summary>Runs one typed decoder, and its encoder on what it accepts.</summary>
/// <returns>True when the decoder accepted the bytes.</returns>
internal delegate bool DecoderRun(scoped in DecoderInput input);

/// <summary>One Read member of <see cref="Dialect"/>.</summary>
/// <param name="Name">Its name and the types of what it gives, for instance Read(GetXcr).</param>
/// <param name="Applies">False for dialects that lack it: it then throws <see cref="CommandNotInDialectException"/> for any bytes.</param>
/// <param name="Run">Runs it.</param>
internal sealed record TypedDecoder(string Name, Predicate<Dialect> Applies, DecoderRun Run);
