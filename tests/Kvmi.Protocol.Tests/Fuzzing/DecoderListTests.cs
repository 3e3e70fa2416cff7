using System.Reflection;
using Kvmi.Fuzz.Decoders;
using Kvmi.Fuzz.Messages;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.Capabilities;

namespace Kvmi.Protocol.Tests.Fuzzing;

/// <summary>The fuzzer's written list of decoders, and its written messages, against what there is.</summary>
public sealed class DecoderListTests
{
    [Fact]
    public void The_list_names_every_reading_member_of_a_dialect()
    {
        var members = typeof(Dialect).GetMethods(BindingFlags.Public | BindingFlags.Instance)
            .Where(method => method.Name.StartsWith("Read", StringComparison.Ordinal))
            .Select(method => $"{method.Name}({string.Join(", ", method.GetParameters().Where(parameter => parameter.IsOut).Select(Name))})");
        Assert.Equal(members.Order(StringComparer.Ordinal), TypedDecoders.All.Select(decoder => decoder.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_dialect_that_lacks_a_decoder_says_so_and_names_itself()
    {
        foreach (var dialect in Dialect.All)
        {
            foreach (var decoder in TypedDecoders.All.Where(decoder => !decoder.Applies(dialect)))
            {
                var exception = Assert.Throws<CommandNotInDialectException>(
                    () => decoder.Run(new DecoderInput(dialect, new byte[64], new DecoderScratch())));
                Assert.Equal(dialect.Id, exception.Dialect);
            }
        }
    }

    [Fact]
    public void There_is_a_written_message_of_every_kind()
    {
        foreach (var dialect in Dialect.All)
        {
            var written = WrittenMessages.Of(dialect);
            foreach (var command in DialectCapabilities.Of(dialect).Commands.Where(command => !command.IsReserved))
            {
                Assert.Contains(written, message => message.Command == command.Kind && message.Role == MessageRole.Command);
                Assert.Contains(written, message => message.Command == command.Kind && message.Role == MessageRole.CommandReply);
            }

            foreach (var entry in DialectCapabilities.Of(dialect).Events)
            {
                Assert.Contains(written, message => message.Event == entry.Kind && message.Role == MessageRole.Event);
                Assert.Equal(
                    entry.ReplyPayload is not null,
                    written.Any(message => message.Event == entry.Kind && message.Role == MessageRole.EventReply));
            }
        }
    }

    private static string Name(ParameterInfo parameter) => parameter.ParameterType.GetElementType()!.Name.Split('`')[0];
}
