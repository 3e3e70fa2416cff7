using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>Commands of the later dialects that this one does not have (rfc-v5 2.1), both ends.</summary>
internal sealed partial class RfcV5Dialect
{
    public override int Write(Span<byte> destination, uint sequence, in CheckCommand command) => throw Lacks(CommandKind.CheckCommand);

    public override int Write(Span<byte> destination, uint sequence, in CheckEvent command) => throw Lacks(CommandKind.CheckEvent);

    public override int Write(Span<byte> destination, uint sequence, in PauseVcpu command) => throw Lacks(CommandKind.PauseVcpu);

    // Events are switched by masks here: ControlEventMask and ControlVmEventMask.
    public override int Write(Span<byte> destination, uint sequence, in ControlVmEvents command) => throw Lacks(CommandKind.ControlVmEvents);

    public override int Write(Span<byte> destination, uint sequence, in ControlEvents command) => throw Lacks(CommandKind.ControlEvents);

    public override int Write(Span<byte> destination, uint sequence, in ControlCommandResponse command) =>
        throw Lacks(CommandKind.ControlCommandResponse);

    public override int Write(Span<byte> destination, uint sequence, in TranslateGva command) => throw Lacks(CommandKind.TranslateGva);

    public override int Write(Span<byte> destination, uint sequence, in ControlSinglestep command) => throw Lacks(CommandKind.ControlSinglestep);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out CheckCommand command) => throw Lacks(CommandKind.CheckCommand);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out CheckEvent command) => throw Lacks(CommandKind.CheckEvent);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out PauseVcpu command) => throw Lacks(CommandKind.PauseVcpu);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlVmEvents command) => throw Lacks(CommandKind.ControlVmEvents);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEvents command) => throw Lacks(CommandKind.ControlEvents);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCommandResponse command) =>
        throw Lacks(CommandKind.ControlCommandResponse);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out TranslateGva command) => throw Lacks(CommandKind.TranslateGva);

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlSinglestep command) => throw Lacks(CommandKind.ControlSinglestep);
}
