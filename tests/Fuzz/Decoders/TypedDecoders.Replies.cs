using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;

namespace Kvmi.Fuzz.Decoders;

/// <content>Replies to commands, as the tool reads them.</content>
internal static partial class TypedDecoders
{
    private static TypedDecoder[] Replies() =>
    [
        new("ReadReply(KvmiError, ReadOnlySpan)", _ => true, AnyReply),
        Reply<VersionReply>(CommandKind.GetVersion, (d, p, out v) => d.ReadReply(p, out v), (d, to, in v) => d.WriteData(to, in v)),
        Reply<VmInfoReply>(CommandKind.GetVmInfo, (d, p, out v) => d.ReadReply(p, out v), (d, to, in v) => d.WriteData(to, in v)),
        Reply<CpuidReply>(CommandKind.GetCpuid, (d, p, out v) => d.ReadReply(p, out v), (d, to, in v) => d.WriteData(to, in v)),
        Reply<MapToken>(CommandKind.GetMapToken, (d, p, out v) => d.ReadReply(p, out v), (d, to, in v) => d.WriteData(to, in v)),
        Reply<PhysicalExtent>(CommandKind.QueryPhysical, (d, p, out v) => d.ReadReply(p, out v), (d, to, in v) => d.WriteData(to, in v)),
        Reply<ulong>(CommandKind.GetVersion, (d, p, out v) => d.ReadNumberReply(p, out v), (d, to, in v) => d.WriteNumberData(to, v))
            with { Name = "ReadNumberReply(UInt64)" },
        Reply<uint>(CommandKind.PauseAllVcpus, (d, p, out v) => d.ReadPauseAllReply(p, out v), (d, to, in v) => d.WritePauseAllData(to, v))
            with { Name = "ReadPauseAllReply(UInt32)" },
        new("ReadReply(RegistersReply)", Has(CommandKind.GetRegisters), RegistersReply),
    ];

    private static bool AnyReply(scoped in DecoderInput input)
    {
        if (input.Dialect.ReadReply(input.Payload, out KvmiError error, out var data) != DecodeStatus.Ok)
        {
            return false;
        }

        DecoderDefectException.Require(error == KvmiError.None || data.IsEmpty, "ReadReply", "a reply with an error has data");
        if (input.CanBeWritten)
        {
            var length = error == KvmiError.None
                ? input.Dialect.WriteReply(input.Scratch.Message, 2, 1, data)
                : input.Dialect.WriteReply(input.Scratch.Message, 2, 1, error);
            var status = input.Dialect.ReadReply(Written(in input, length), out KvmiError again, out var data2);
            DecoderDefectException.Require(
                status == DecodeStatus.Ok && error == again && data.SequenceEqual(data2), "ReadReply", NotTheSame);
        }

        return true;
    }

    private static bool RegistersReply(scoped in DecoderInput input)
    {
        if (input.Dialect.ReadReply(input.Data, out RegistersReply reply) != DecodeStatus.Ok)
        {
            return false;
        }

        for (var i = 0; i < reply.MsrCount; i++)
        {
            input.Scratch.Msrs[i] = reply.Msr(i);
        }

        var state = new VcpuState { Mode = reply.Mode, Regs = reply.Regs, Sregs = reply.Sregs };
        var length = input.Dialect.WriteRegistersData(input.Scratch.Message, in state, input.Scratch.Msrs.AsSpan(0, reply.MsrCount));
        var status = input.Dialect.ReadReply(input.Scratch.Message.AsSpan(0, length), out RegistersReply again);
        var same = status == DecodeStatus.Ok && (reply.Mode, reply.MsrCount) == (again.Mode, again.MsrCount)
            && SameBytes(in reply.Regs, in again.Regs) && SameBytes(in reply.Sregs, in again.Sregs);
        for (var i = 0; same && i < reply.MsrCount; i++)
        {
            same = again.Msr(i) == input.Scratch.Msrs[i];
        }

        DecoderDefectException.Require(same, "ReadReply(RegistersReply)", NotTheSame);
        return true;
    }
}
