using System.Text;

namespace Kvmi.Protocol.Captures;

/// <summary>Reads lines of which only a bounded part is kept, so that a file without line ends cannot fill the memory.</summary>
internal sealed class BoundedLineReader
{
    private readonly TextReader _reader;
    private readonly int _limit;
    private readonly char[] _buffer = new char[4096];
    private readonly StringBuilder _line = new();
    private int _start;
    private int _end;

    public BoundedLineReader(TextReader reader, int limit)
    {
        _reader = reader;
        _limit = limit;
    }

    /// <summary>Number of the line last read; the first is 1.</summary>
    public int Line { get; private set; }

    /// <summary>Reads the next line without its end.</summary>
    /// <param name="line">The line, or its first characters.</param>
    /// <param name="isCut">True when the line is longer than the limit.</param>
    /// <returns>False at the end of the text.</returns>
    public bool TryRead(out string line, out bool isCut)
    {
        _line.Clear();
        isCut = false;
        var any = false;
        while (Fill())
        {
            any = true;
            var rest = _buffer.AsSpan(_start, _end - _start);
            var newline = rest.IndexOf('\n');
            Append(newline < 0 ? rest : rest[..newline], ref isCut);
            _start += newline < 0 ? rest.Length : newline + 1;
            if (newline >= 0)
            {
                break;
            }
        }

        line = _line.ToString();
        Line += any ? 1 : 0;
        return any;
    }

    private void Append(ReadOnlySpan<char> part, ref bool isCut)
    {
        // One more than the limit, because a carriage return may still be trimmed off.
        var room = _limit + 1 - _line.Length;
        if (part.Length > room)
        {
            isCut = true;
            part = part[..room];
        }

        _line.Append(part);
    }

    private bool Fill()
    {
        if (_start < _end)
        {
            return true;
        }

        _start = 0;
        _end = _reader.Read(_buffer, 0, _buffer.Length);
        return _end > 0;
    }
}
