using System.Buffers;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output;

/// <summary>Turns a record into one or more lines of UTF-8, line ends included.</summary>
internal interface ILineRenderer
{
    void Render(OutputRecord record, IBufferWriter<byte> destination);
}
