using System.Globalization;
using System.Text;

namespace Kvmi.Policy.Host.Tests.Sinks;

/// <summary>RFC 5424 to the letter: fails on everything that its grammar (section 6) does not allow.</summary>
internal sealed class SyslogParser
{
    private readonly byte[] _bytes;
    private int _at;

    private SyslogParser(byte[] bytes) => _bytes = bytes;

    public int Facility { get; private set; }

    public int Severity { get; private set; }

    public string Host { get; private set; } = "";

    public string Id { get; private set; } = "";

    public string Text { get; private set; } = "";

    /// <summary>Elements by name without the enterprise number, then parameters.</summary>
    public Dictionary<string, List<(string Name, string Value)>> Data { get; } = [];

    public static SyslogParser Parse(ReadOnlyMemory<byte> message)
    {
        var parser = new SyslogParser(message.ToArray());
        parser.Parse();
        return parser;
    }

    private void Parse()
    {
        Take('<');
        var priority = int.Parse(Until('>', 3), NumberStyles.None, CultureInfo.InvariantCulture);
        Assert.InRange(priority, 0, 191);
        (Facility, Severity) = (priority / 8, priority % 8);
        Take('1');
        Take(' ');
        Assert.True(DateTimeOffset.TryParseExact(
            Until(' ', 32), "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _));
        Host = Printable(Until(' ', 255));
        Assert.Equal("kvmi-policy", Printable(Until(' ', 48)));
        Printable(Until(' ', 128));
        Id = Printable(Until(' ', 32));
        while (_bytes[_at] == '[')
        {
            Element();
        }

        Take(' ');
        Text = Encoding.ASCII.GetString(_bytes, _at, _bytes.Length - _at);
        Assert.All(Text, character => Assert.InRange(character, ' ', '~'));
    }

    private void Element()
    {
        Take('[');
        var name = new StringBuilder();
        while (_bytes[_at] is not ((byte)' ' or (byte)']'))
        {
            name.Append((char)_bytes[_at++]);
        }

        var id = name.ToString().Split('@');
        Assert.Equal(2, id.Length);
        Assert.InRange(name.Length, 1, 32);
        List<(string, string)> parameters = [];
        while (_bytes[_at] == ' ')
        {
            _at++;
            var parameter = Until('=', 32);
            Assert.NotEqual("", parameter);
            Assert.All(parameter, character => Assert.True(character is > ' ' and <= '~' and not (']' or '"')));
            Take('"');
            parameters.Add((parameter, Value()));
        }

        Take(']');
        Data.Add(id[0], parameters);
    }

    private string Value()
    {
        var value = new StringBuilder();
        while (_bytes[_at] != '"')
        {
            Assert.NotEqual((byte)']', _bytes[_at]);
            if (_bytes[_at] == '\\')
            {
                _at++;
                Assert.Contains((char)_bytes[_at], "\"\\]");
            }

            Assert.InRange((char)_bytes[_at], ' ', '~');
            value.Append((char)_bytes[_at++]);
        }

        _at++;
        return value.ToString();
    }

    private string Until(char end, int most)
    {
        var start = _at;
        while (_bytes[_at] != end)
        {
            _at++;
        }

        Assert.InRange(_at - start, 1, most);
        return Encoding.ASCII.GetString(_bytes, start, _at++ - start);
    }

    private static string Printable(string text)
    {
        Assert.All(text, character => Assert.InRange(character, '!', '~'));
        return text;
    }

    private void Take(char character) => Assert.Equal((byte)character, _bytes[_at++]);
}
