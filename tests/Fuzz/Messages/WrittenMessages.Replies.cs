using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.Capabilities;
using Kvmi.Protocol.Registers;

namespace Kvmi.Fuzz.Messages;

/// <content>Replies to commands.</content>
internal sealed partial class WrittenMessages
{
    private void AddReplies()
    {
        foreach (var command in DialectCapabilities.Of(_dialect).Commands.Where(command => !command.IsReserved))
        {
            var write = DataOf(command.Kind);
            if (command.ReturnsData)
            {
                var data = new byte[8192];
                Reply(command, to => _dialect.WriteReply(to, command.Id, Sequence, data.AsSpan(0, write(data))));
            }
            else
            {
                Reply(command, to => _dialect.WriteReply(to, command.Id, Sequence, KvmiError.None));
            }

            Reply(command, to => _dialect.WriteReply(to, command.Id, Sequence, KvmiError.InvalidArgument));
        }
    }

    private MessageWriter DataOf(CommandKind kind) => kind switch
    {
        CommandKind.GetVersion => to => _dialect.WriteData(to, new VersionReply(1, _dialect.Id is KvmiDialect.V7 ? 0u : 8184, 0x0101)),
        CommandKind.GetVmInfo => to => _dialect.WriteData(to, new VmInfoReply(4, 2_400_000_000)),
        CommandKind.PauseAllVcpus => to => _dialect.WritePauseAllData(to, 4),
        CommandKind.GetMapToken => to => _dialect.WriteData(to, new MapToken(1, 2, 3, 4)),
        CommandKind.QueryPhysical => to => _dialect.WriteData(to, new PhysicalExtent(0x12345, 16)),
        CommandKind.GetCpuid => to => _dialect.WriteData(to, new CpuidReply(1, 2, 3, 4)),
        CommandKind.GetRegisters => to => _dialect.WriteRegistersData(to, State(), [new MsrEntry(0x10, 5), new MsrEntry(0xc0000082, Address)]),
        CommandKind.ReadPhysical => to => Raw(to, 600),
        CommandKind.GetXsave => to => Raw(to, 4096),
        CommandKind.GetPageAccess => to => Raw(to, 2),
        _ => to => _dialect.WriteNumberData(to, 2),
    };

    private void Reply(CommandCapability command, MessageWriter write) =>
        Add(MessageDirection.KernelToTool, MessageRole.CommandReply, command.Kind, null, write);

    private static int Raw(Span<byte> destination, int length)
    {
        Bytes(length).CopyTo(destination);
        return length;
    }
}
