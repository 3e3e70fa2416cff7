using BenchmarkDotNet.Attributes;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Benchmarks.Micro;

/// <summary>Bytes to a typed view, and a reply to bytes, in the v7 dialect.</summary>
public class Messages
{
    private static readonly Dialect V7 = Dialect.Find(KvmiDialect.V7)!;
    private readonly byte[] _event = new byte[1024];
    private readonly byte[] _output = new byte[1024];
    private int _length;

    [Params(EventKind.Cr, EventKind.Msr, EventKind.PageFault)]
    public EventKind Kind { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        var body = Kind switch
        {
            EventKind.Cr => EventBody.Cr(3, 0x1000, 0x2000),
            EventKind.Msr => EventBody.Msr(0xC000_0082, 1, 2),
            _ => EventBody.PageFault(0xFFFF_FFFF_8100_0000, 0x1000, PageAccess.Write),
        };
        _length = V7.WriteEvent(_event, 77, 1, default, in body);
    }

    [Benchmark]
    public ulong Decode() => V7.ReadEvent(_event.AsSpan(0, _length), out var frame) == DecodeStatus.Ok ? frame.Sequence : throw new InvalidOperationException();

    [Benchmark]
    public int Encode()
    {
        var reply = new EventReply { NewValue = 0x2000 };
        return V7.WriteEventReply(_output, 77, 1, Kind, in reply);
    }
}
