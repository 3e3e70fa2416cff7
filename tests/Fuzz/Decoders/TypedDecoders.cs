using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz.Decoders;

/// <summary>
/// Every Read member of <see cref="Dialect"/>, both ends. Written out, not found by reflection: what is run is what stands here; a test
/// compares the list with the class.
/// </summary>
internal static partial class TypedDecoders
{
    private const int Header = MessageHeader.Length;
    private const string NotTheSame = "what was read is not what comes back when written and read again";

    private delegate CommandStatus CommandReader<T>(Dialect dialect, ReadOnlySpan<byte> payload, out T command);

    private delegate DecodeStatus ReplyReader<T>(Dialect dialect, ReadOnlySpan<byte> data, out T reply);

    private delegate int Writer<T>(Dialect dialect, Span<byte> destination, in T value);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<TypedDecoder> All { get; } = [.. NumberCommands(), .. ListCommands(), .. Replies(), .. Events()];

    /// <summary>Those that a dialect has.</summary>
    public static TypedDecoder[] Of(Dialect dialect) => [.. All.Where(decoder => decoder.Applies(dialect))];

    private static Predicate<Dialect> Has(CommandKind kind) => dialect => dialect.TryGetCommandId(kind, out _);

    // What was read, written and read again must be the same.
    private static TypedDecoder Command<T>(CommandKind kind, CommandReader<T> read, Writer<T> write, Predicate<Dialect>? applies = null)
        where T : struct, IEquatable<T>
    {
        var name = $"Read({typeof(T).Name})";
        return new TypedDecoder(name, applies ?? Has(kind), (scoped in input) =>
        {
            if (read(input.Dialect, input.Payload, out var command) != CommandStatus.Ok)
            {
                return false;
            }

            if (input.CanBeWritten)
            {
                var length = write(input.Dialect, input.Scratch.Message, in command);
                var status = read(input.Dialect, input.Scratch.Message.AsSpan(Header, length - Header), out var again);
                DecoderDefectException.Require(status == CommandStatus.Ok && command.Equals(again), name, NotTheSame);
            }

            return true;
        });
    }

    private static TypedDecoder Reply<T>(CommandKind kind, ReplyReader<T> read, Writer<T> write)
        where T : struct, IEquatable<T>
    {
        var name = $"ReadReply({typeof(T).Name})";
        return new TypedDecoder(name, Has(kind), (scoped in input) =>
        {
            if (read(input.Dialect, input.Data, out var reply) != DecodeStatus.Ok)
            {
                return false;
            }

            var length = write(input.Dialect, input.Scratch.Message, in reply);
            var status = read(input.Dialect, input.Scratch.Message.AsSpan(0, length), out var again);
            DecoderDefectException.Require(status == DecodeStatus.Ok && reply.Equals(again), name, NotTheSame);
            return true;
        });
    }
}
