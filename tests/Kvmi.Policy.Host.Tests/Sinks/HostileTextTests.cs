using System.Buffers;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Tests.Sinks;

/// <summary>What a guest writes cannot leave its place, in whatever form it goes out.</summary>
public sealed class HostileTextTests
{
    private static readonly string[] Pieces =
    [
        "\u001b[2J", "\u009b31m", "\n", "\r\n", "\0", "\u202e", "\u2066", "\u2028", "\ud800", "\udfff", "\ufeff", "\u007f", "\"", "\\", "]", "[x@1 a=\"b\"]", "<0>1 ",
        "{\"type\":\"alert\"}", "\u00e4", "\ud83d\ude00", " ", "=", "text", "\\u001b", "%n", "\t",
    ];

    [Fact]
    public void In_syslog_every_message_stays_one_message_with_its_own_parameters()
    {
        var message = new SyslogMessage(SyslogFacility.Authpriv, 32473, "ho st\u001b", 12);
        ForAll((text, name) =>
        {
            var record = SinkLines.Alert(text, vm: text, fields: [new OutputField(name, text), new OutputField("bytes", new byte[] { 0x5d, 0x22, 0 })]);
            var bytes = message.Render(record);
            Assert.InRange(bytes.Length, 1, SyslogMessage.MaxLength);
            var parsed = SyslogParser.Parse(bytes);
            Assert.Equal((10, 3, "ho_st_", "alert"), (parsed.Facility, parsed.Severity, parsed.Host, parsed.Id));
            Assert.Equal(["vm", "vcpu", "event", "policy", "name", "severity", "mode"], parsed.Data["kvmi"].Select(parameter => parameter.Name));
            Assert.Equal("t0.test", parsed.Data["kvmi"][3].Value);
            Assert.Equal(2, parsed.Data["fields"].Count);
            Assert.Equal("5d2200", parsed.Data["fields"][1].Value);
        });
    }

    [Fact]
    public void In_json_every_record_stays_one_line_of_ascii_that_gives_the_text_back()
    {
        var renderer = new JsonLineRenderer();
        ForAll((text, name) =>
        {
            var bytes = new ArrayBufferWriter<byte>();
            renderer.Render(SinkLines.Alert(text, vm: text, fields: [new OutputField(name, text)]), bytes);
            var line = Encoding.UTF8.GetString(bytes.WrittenSpan);
            Assert.EndsWith("}\n", line, StringComparison.Ordinal);
            Assert.All(line[..^1], character => Assert.InRange(character, ' ', '~'));
            using var document = JsonDocument.Parse(line);
            Assert.Equal("alert", document.RootElement.GetProperty("type").GetString());
            Assert.Equal(Whole(text), document.RootElement.GetProperty("name").GetString());
            Assert.Equal(Whole(text), Assert.Single(document.RootElement.GetProperty("fields").EnumerateObject()).Value.GetString());
        });
    }

    [Fact]
    public void On_the_console_nothing_moves_the_cursor_or_makes_a_line()
    {
        var renderer = new TextLineRenderer();
        ForAll((text, name) =>
        {
            var bytes = new ArrayBufferWriter<byte>();
            renderer.Render(SinkLines.Alert(text, vm: text, fields: [new OutputField(name, text)]), bytes);
            renderer.Render(
                new SuppressedAlertsOutput
                {
                    Time = SinkLines.Time,
                    Policy = "p",
                    Name = text,
                    Severity = PolicySeverity.Low,
                    Mode = PolicyMode.Audit,
                    Count = 1,
                    Window = TimeSpan.FromSeconds(1),
                    IsThrottle = false,
                    Fields = [new OutputField(name, text)],
                },
                bytes);
            var lines = Encoding.UTF8.GetString(bytes.WrittenSpan);
            Assert.Equal(2, lines.Count(character => character == '\n'));
            Assert.DoesNotContain(lines, character => (char.IsControl(character) && character != '\n') || character is '\u202e' or '\u2066' or '\u2028' or '\ufeff');
        });
    }

    [Fact]
    public void A_syslog_message_that_would_be_too_long_loses_fields_and_says_so()
    {
        var message = new SyslogMessage(SyslogFacility.User, 32473, "h", 1);
        var fields = Enumerable.Range(0, 32).Select(number => new OutputField($"f{number}", new string('\u001b', 1024))).ToArray();
        var bytes = message.Render(SinkLines.Alert(new string('\u202e', 4000), vm: new string(']', 4000), fields: fields));
        Assert.InRange(bytes.Length, 2048, SyslogMessage.MaxLength);
        var parsed = SyslogParser.Parse(bytes);
        Assert.Equal(32, parsed.Data["fields"].Count + int.Parse(Assert.Single(parsed.Data["cut"]).Value, System.Globalization.CultureInfo.InvariantCulture));
        Assert.StartsWith("ALERT", parsed.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PolicySeverity.Critical, 2)]
    [InlineData(PolicySeverity.High, 3)]
    [InlineData(PolicySeverity.Medium, 4)]
    [InlineData(PolicySeverity.Low, 5)]
    [InlineData(PolicySeverity.Info, 6)]
    public void Severities_are_those_of_the_rfc(PolicySeverity severity, int number) =>
        Assert.Equal(number, SyslogMessage.SeverityOf(SinkLines.Alert(severity: severity)));

    [Fact]
    public void Every_kind_of_record_makes_a_message()
    {
        var message = new SyslogMessage(SyslogFacility.Local7, 1, "h", 1);
        Assert.All(Tests.Output.SampleRecords.All, record => Assert.Equal(23, SyslogParser.Parse(message.Render(record)).Facility));
    }

    // Half a surrogate pair is no text; both JSON writer and reader make U+FFFD of it.
    private static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static void ForAll(Action<string, string> holds)
    {
        var text = Gen.Elements(Pieces).ArrayOf().Select(string.Concat);
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(300),
            Prop.ForAll(text.Zip(text).ToArbitrary(), pair =>
            {
                holds(pair.Item1, pair.Item2);
            }));
    }
}
