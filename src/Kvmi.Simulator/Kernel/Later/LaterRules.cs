using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Kernel.Later;

/// <summary>What the kernels of v7, v11 and v12 share (kvmi-later-dialects.md section 3, and section 4 where it says "as D").</summary>
internal abstract class LaterRules : KernelRules
{
    protected const int VcpuHeader = 8;

    public override bool IsControllableCr(uint cr) => cr is 0 or 3 or 4;

    public override ushort PeekReplyVcpu(ReadOnlySpan<byte> payload) =>
        payload.Length < 2 ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(payload);

    public override ExtraCommand ReadExtra(CommandKind kind, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case CommandKind.GetMtrrType:
                return new ExtraCommand(Dialect.Read(payload, out GetMtrrType type), type.Gpa, KvmiError.None);
            case CommandKind.GetXcr:
                return new ExtraCommand(Dialect.Read(payload, out GetXcr xcr), xcr.Xcr, KvmiError.None);
            case CommandKind.SetXsave:
                return new ExtraCommand(Dialect.ReadSetXsave(payload, out _, out var area), 0, KvmiError.None, VcpuHeader, area.Length);
            case CommandKind.GetXsave:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.None);
            default:
                return new ExtraCommand(CommandStatus.Ok, 0, KvmiError.NotSupported);
        }
    }
}
