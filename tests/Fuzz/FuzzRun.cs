using System.Text;
using Kvmi.Fuzz.Decoders;
using Kvmi.Fuzz.Messages;
using Kvmi.Fuzz.Mutation;
using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz;

/// <summary>
/// A run: message after message, each mutated from a good one and given to every decoder that could meet it. Deterministic by seed. One
/// thread; another may read <see cref="Position"/>.
/// </summary>
internal sealed class FuzzRun : IFuzzRun
{
    /// <summary>Messages that one stateful decoder sees in a row; all of them are of one dialect.</summary>
    public const int ConversationLength = 64;

    private readonly SeedCorpus _corpus;
    private readonly ulong _seed;
    private readonly TypedDecoder[][] _typed;
    private readonly ConversationDecoder[] _conversations;
    private readonly KvmiDialect[] _dialects;
    private readonly List<HexCaptureEntry> _conversation = [];
    private readonly Mutator _mutator = new();
    private readonly DecoderScratch _scratch = new();
    private long _position;

    public FuzzRun(SeedCorpus corpus, ulong seed)
    {
        _corpus = corpus;
        _seed = seed;
        _typed = [.. corpus.Dialects.Select(TypedDecoders.Of)];
        _conversations = [.. corpus.Dialects.Select(dialect => new ConversationDecoder(dialect.Id))];
        _dialects = [.. corpus.Dialects.Select(dialect => dialect.Id)];
        WarmUp();
    }

    public FuzzStatistics Statistics { get; } = new();

    /// <summary>Number of the message that is being decoded.</summary>
    public long Position => Volatile.Read(ref _position);

    public int Unit => ConversationLength;

    public string Beginning => $"{_corpus.Count} messages of {string.Join(", ", _corpus.Dialects.Select(dialect => dialect.Name))}, {_corpus.Captures.Count} captures";

    public string Table => Statistics.ToString();

    /// <summary>Runs.</summary>
    /// <param name="first">Number of the first message; a multiple of <see cref="ConversationLength"/>, so that no decoder lacks its past.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="FuzzFindingException">A decoder misbehaved.</exception>
    public void Run(long first, long count)
    {
        for (var number = first; number < first + count; number++)
        {
            Volatile.Write(ref _position, number);
            if (number % ConversationLength == 0)
            {
                BeginConversation(number);
            }

            One(number);
        }
    }

    private int DialectOf(long number) => (int)(number / ConversationLength % _dialects.Length);

    private void BeginConversation(long number)
    {
        _conversations[DialectOf(number)].Reset();
        _conversation.Clear();
    }

    private void One(long number)
    {
        var random = new Randomness(_seed, number);
        var index = DialectOf(number);
        var dialect = _corpus.Dialects[index];
        var messages = _corpus.Of(index);
        var seed = messages[random.Next(messages.Count)];
        var others = _corpus.Of(random.OnceIn(8) ? random.Next(_dialects.Length) : index);
        var message = _mutator.Mutate(ref random, seed.Bytes, others[random.Next(others.Count)].Bytes);
        var direction = random.OnceIn(16) ? 1 - seed.Direction : seed.Direction;
        var step = "";
        try
        {
            step = "typed decoders";
            Typed(index, dialect, message);
            if (random.OnceIn(8))
            {
                var other = random.Next(_dialects.Length);
                Typed(other, _corpus.Dialects[other], message);
            }

            step = "named fields";
            Named(_conversations[index], direction, message);
            step = "handshake";
            Handshake(message);
            step = "captures";
            Capture(ref random, number, direction, message);
        }
        catch (Exception e)
        {
            // Whatever it is: a run ends with the bytes that did it.
            throw new FuzzFindingException(number, _seed, seed.Name, message.ToArray(), $"{step}: {e.GetType().Name}: {e.Message}", e);
        }
    }

    private void Typed(int index, Dialect dialect, ReadOnlySpan<byte> message)
    {
        var input = new DecoderInput(dialect, message, _scratch);
        foreach (var decoder in _typed[index])
        {
            var allocated = Measure(decoder, in input, out var accepted);

            // A collection that another thread starts closes this thread's allocation context, and what was left of that counts as
            // allocated. What the decoder itself allocates, it allocates each time.
            for (var again = 0; allocated > AllocationBounds.Typed && again < 3; again++)
            {
                allocated = Math.Min(allocated, Measure(decoder, in input, out _));
            }

            Bounded(decoder.Name, allocated, AllocationBounds.Typed);
            Statistics.Count(decoder.Name, accepted);
        }

        if (MessageHeader.TryRead(message, out var header))
        {
            dialect.CheckFraming(in header, input.Payload);
            dialect.Classify(MessageDirection.ToolToKernel, header.Id);
            dialect.Classify(MessageDirection.KernelToTool, header.Id);
        }
    }

    private static long Measure(TypedDecoder decoder, in DecoderInput input, out bool accepted)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        accepted = decoder.Run(in input);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private void Named(ConversationDecoder conversation, MessageDirection direction, ReadOnlySpan<byte> message)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var decoded = conversation.Decode(direction, message);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Bounded("MessageDecoder", allocated, AllocationBounds.Named(message.Length));
        Statistics.CountNamed(decoded.Problem is null, allocated);
        conversation.EncodeAgain(decoded, message);
    }

    private void Handshake(ReadOnlySpan<byte> message)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        HandshakeDecoders.Records(message, _scratch.Message);
        HandshakeDecoders.Probe(message.Length < MessageHeader.Length ? message : message[MessageHeader.Length..]);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Bounded("handshake and detection", allocated, AllocationBounds.Handshake(message.Length));
        Statistics.MostHandshake = Math.Max(Statistics.MostHandshake, allocated);
    }

    private void Capture(ref Randomness random, long number, MessageDirection direction, ReadOnlySpan<byte> message)
    {
        // The dialect of a conversation is judged once it is whole, text is read once in many conversations: both cost more than messages.
        _conversation.Add(new HexCaptureEntry { Line = 1, Direction = direction, Bytes = message.Length > 8192 ? null : message.ToArray() });
        if (number % ConversationLength == ConversationLength - 1)
        {
            CaptureDecoders.Judge(_conversation);
        }

        if (!random.OnceIn(1024) || _corpus.Captures.Count == 0)
        {
            return;
        }

        var text = MutateText(ref random, _corpus.Captures[random.Next(_corpus.Captures.Count)]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        CaptureDecoders.Text(text, _dialects);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Bounded("captures", allocated, AllocationBounds.Capture(text.Length, _dialects.Length));
        Statistics.Texts++;
        Statistics.MostCapture = Math.Max(Statistics.MostCapture, allocated);
    }

    private static string MutateText(ref Randomness random, string text)
    {
        const string Characters = "0123456789abcdef#->ms=.\t\r\n tolkernxt\u0000\u202e\ud800é";
        var from = random.Next(text.Length);
        var builder = new StringBuilder(text, from, Math.Min(text.Length - from, 8192), 16384);
        for (var edits = random.Next(12); edits > 0 && builder.Length > 0; edits--)
        {
            var position = random.Next(builder.Length);
            switch (random.Next(3))
            {
                case 0: builder[position] = Characters[random.Next(Characters.Length)]; break;
                case 1: builder.Remove(position, Math.Min(random.Next(40), builder.Length - position)); break;
                default: builder.Insert(position, Characters[random.Next(Characters.Length)].ToString(), random.Next(1, 8)); break;
            }
        }

        return builder.ToString();
    }

    // The first pass through a method allocates on its own account.
    private void WarmUp()
    {
        for (var index = 0; index < _dialects.Length; index++)
        {
            foreach (var message in _corpus.Of(index))
            {
                var input = new DecoderInput(_corpus.Dialects[index], message.Bytes, _scratch);
                foreach (var decoder in _typed[index])
                {
                    decoder.Run(in input);
                    Statistics.Count(decoder.Name, true);
                }

                _conversations[index].Decode(message.Direction, message.Bytes);
            }
        }

        Statistics.Clear();
    }

    private static void Bounded(string decoder, long allocated, long bound)
    {
        if (allocated > bound)
        {
            throw new DecoderDefectException(decoder, $"allocated {allocated} bytes, {bound} are the bound");
        }
    }
}
