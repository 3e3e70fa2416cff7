using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;
using Kvmi.Protocol.Tests.Dialects.V7;

namespace Kvmi.Protocol.Tests.Dialects.Later;

/// <summary>Reads a message as typed values and writes it again from them.</summary>
internal static class CaptureRewriter
{
    // 0 when the reader refuses the command.
    public static int Command(Dialect codec, CommandKind kind, uint sequence, ReadOnlySpan<byte> payload, Span<byte> again)
    {
        switch (kind)
        {
            case CommandKind.CheckCommand:
                return codec.Read(payload, out CheckCommand checkCommand) == CommandStatus.Ok ? codec.Write(again, sequence, in checkCommand) : 0;
            case CommandKind.CheckEvent:
                return codec.Read(payload, out CheckEvent checkEvent) == CommandStatus.Ok ? codec.Write(again, sequence, in checkEvent) : 0;
            case CommandKind.PauseVcpu:
                return codec.Read(payload, out PauseVcpu pause) == CommandStatus.Ok ? codec.Write(again, sequence, in pause) : 0;
            case CommandKind.ControlVmEvents:
                return codec.Read(payload, out ControlVmEvents vmEvents) == CommandStatus.Ok ? codec.Write(again, sequence, in vmEvents) : 0;
            case CommandKind.ControlEvents:
                return codec.Read(payload, out ControlEvents events) == CommandStatus.Ok ? codec.Write(again, sequence, in events) : 0;
            case CommandKind.ControlCr:
                return codec.Read(payload, out ControlCr cr) == CommandStatus.Ok ? codec.Write(again, sequence, in cr) : 0;
            case CommandKind.ControlMsr:
                return codec.Read(payload, out ControlMsr msr) == CommandStatus.Ok ? codec.Write(again, sequence, in msr) : 0;
            case CommandKind.ReadPhysical:
                return codec.Read(payload, out ReadPhysical read) == CommandStatus.Ok ? codec.Write(again, sequence, in read) : 0;
            case CommandKind.WritePhysical:
                return codec.Read(payload, out WritePhysical write) == CommandStatus.Ok ? codec.Write(again, sequence, in write) : 0;
            case CommandKind.ControlCommandResponse:
                return codec.Read(payload, out ControlCommandResponse response) == CommandStatus.Ok ? codec.Write(again, sequence, in response) : 0;
            case CommandKind.GetRegisters:
                return codec.Read(payload, out GetRegisters registers) == CommandStatus.Ok
                    ? codec.WriteGetRegisters(again, sequence, registers.Vcpu, V7Events.Msrs(registers))
                    : 0;
            case CommandKind.SetPageAccess:
                return codec.Read(payload, out SetPageAccess access) == CommandStatus.Ok
                    ? codec.WriteSetPageAccess(again, sequence, access.View, V7Events.Entries(access))
                    : 0;
            case CommandKind.SetRegisters:
                return codec.ReadSetRegisters(payload, out var vcpu, out var regs) == CommandStatus.Ok
                    ? codec.WriteSetRegisters(again, sequence, vcpu, in regs)
                    : 0;
            case CommandKind.GetVcpuInfo or CommandKind.GetXsave or CommandKind.GetEptView or CommandKind.DisableVe:
                return codec.ReadVcpuOnly(payload, out var only) == CommandStatus.Ok ? codec.WriteVcpuOnly(again, sequence, kind, only) : 0;
            case CommandKind.GetVersion or CommandKind.GetVmInfo or CommandKind.GetMaxGfn or CommandKind.GetMapToken:
                return codec.WriteEmpty(again, sequence, kind);
            case CommandKind.SwitchEptView:
                return codec.Read(payload, out SwitchEptView switchView) == CommandStatus.Ok ? codec.Write(again, sequence, in switchView) : 0;
            case CommandKind.ControlEptView:
                return codec.Read(payload, out ControlEptView controlView) == CommandStatus.Ok ? codec.Write(again, sequence, in controlView) : 0;
            case CommandKind.SetVeInfoPage:
                return codec.Read(payload, out SetVeInfoPage vePage) == CommandStatus.Ok ? codec.Write(again, sequence, in vePage) : 0;
            case CommandKind.SetPageSve:
                return codec.Read(payload, out SetPageSve sve) == CommandStatus.Ok ? codec.Write(again, sequence, in sve) : 0;
            case CommandKind.ControlSpp:
                return codec.Read(payload, out ControlSpp spp) == CommandStatus.Ok ? codec.Write(again, sequence, in spp) : 0;
            case CommandKind.ChangeGfn:
                // The captured kernel is from before December 2023.
                return codec.Read(payload, out ChangeGfn change) == CommandStatus.Ok ? codec.WriteOldChangeGfn(again, sequence, in change) : 0;
            case CommandKind.GetCpuid:
                return codec.Read(payload, out GetCpuid cpuid) == CommandStatus.Ok ? codec.Write(again, sequence, in cpuid) : 0;
            case CommandKind.GetXcr:
                return codec.Read(payload, out GetXcr xcr) == CommandStatus.Ok ? codec.Write(again, sequence, in xcr) : 0;
            case CommandKind.GetMtrrType:
                return codec.Read(payload, out GetMtrrType type) == CommandStatus.Ok ? codec.Write(again, sequence, in type) : 0;
            case CommandKind.TranslateGva:
                return codec.Read(payload, out TranslateGva translate) == CommandStatus.Ok ? codec.Write(again, sequence, in translate) : 0;
            case CommandKind.SetXsave:
                return codec.ReadSetXsave(payload, out var owner, out var area) == CommandStatus.Ok
                    ? codec.WriteSetXsave(again, sequence, owner, area)
                    : 0;
            default:
                throw new InvalidOperationException($"The captures hold {kind}, which this test cannot write.");
        }
    }

    public static byte[] Data(Dialect codec, ushort id, ReadOnlySpan<byte> data)
    {
        var again = new byte[8192];
        codec.TryGetCommand(id, out var kind);
        switch (kind)
        {
            case CommandKind.GetVersion:
                Assert.Equal(DecodeStatus.Ok, codec.ReadReply(data, out VersionReply version));
                return again[..codec.WriteData(again, in version)];
            case CommandKind.GetVmInfo:
                Assert.Equal(DecodeStatus.Ok, codec.ReadReply(data, out VmInfoReply info));
                return again[..codec.WriteData(again, in info)];
            case CommandKind.GetRegisters:
                Assert.Equal(DecodeStatus.Ok, codec.ReadReply(data, out RegistersReply registers));
                var state = new VcpuState { Mode = registers.Mode, Regs = registers.Regs, Sregs = registers.Sregs };
                return again[..codec.WriteRegistersData(again, in state, V7Events.Msrs(registers))];
            case CommandKind.GetCpuid:
                Assert.Equal(DecodeStatus.Ok, codec.ReadReply(data, out CpuidReply cpuid));
                return again[..codec.WriteData(again, in cpuid)];
            case CommandKind.GetMaxGfn or CommandKind.GetVcpuInfo or CommandKind.GetXcr or CommandKind.GetMtrrType or CommandKind.TranslateGva:
                Assert.Equal(DecodeStatus.Ok, codec.ReadNumberReply(data, out var number));
                return again[..codec.WriteNumberData(again, number)];
            default:
                return data.ToArray();
        }
    }
}
