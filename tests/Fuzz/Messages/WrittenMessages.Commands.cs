using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.Capabilities;
using Kvmi.Protocol.Registers;

namespace Kvmi.Fuzz.Messages;

/// <content>Commands.</content>
internal sealed partial class WrittenMessages
{
    private const ulong Address = 0x0000_7123_4567_8000;

    private void AddCommands()
    {
        foreach (var command in DialectCapabilities.Of(_dialect).Commands)
        {
            AddBare(command);
        }

        Command(CommandKind.CheckCommand, to => _dialect.Write(to, Sequence, new CheckCommand(0x0102)));
        Command(CommandKind.CheckEvent, to => _dialect.Write(to, Sequence, new CheckEvent(0x0102)));
        Command(CommandKind.PauseVcpu, to => _dialect.Write(to, Sequence, new PauseVcpu(Vcpu, true)));
        Command(CommandKind.ControlVmEvents, to => _dialect.EventsAreMasks
            ? _dialect.Write(to, Sequence, new ControlVmEventMask(0x201))
            : _dialect.Write(to, Sequence, new ControlVmEvents(9, 1)));
        Command(CommandKind.ControlEvents, to => _dialect.EventsAreMasks
            ? _dialect.Write(to, Sequence, new ControlEventMask(Vcpu, 0x5fe))
            : _dialect.Write(to, Sequence, new ControlEvents(Vcpu, 7, 1)));
        Command(CommandKind.ControlCr, to => _dialect.Write(to, Sequence, new ControlCr(Vcpu, 4, 1)));
        Command(CommandKind.ControlMsr, to => _dialect.Write(to, Sequence, new ControlMsr(Vcpu, 0xc0000082, 1)));
        Command(CommandKind.ReadPhysical, to => _dialect.Write(to, Sequence, new ReadPhysical(Address, 0x123)));
        Command(CommandKind.InjectException, to => _dialect.Write(to, Sequence, new InjectException(Vcpu, 14, 0x15, Address)));
        Command(CommandKind.ControlCommandResponse, to => _dialect.Write(to, Sequence, new ControlCommandResponse(true, true, true)));
        Command(CommandKind.GetCpuid, to => _dialect.Write(to, Sequence, new GetCpuid(Vcpu, 0xd, 1)));
        Command(CommandKind.TranslateGva, to => _dialect.Write(to, Sequence, new TranslateGva(Vcpu, Address)));
        Command(CommandKind.ControlSinglestep, to => _dialect.Write(to, Sequence, new ControlSinglestep(Vcpu, 1)));
        Command(CommandKind.GetXcr, to => _dialect.Write(to, Sequence, new GetXcr(Vcpu, 1)));
        Command(CommandKind.GetMtrrType, to => _dialect.Write(to, Sequence, new GetMtrrType(Vcpu, Address)));
        Command(CommandKind.ControlCleanup, to => _dialect.Write(to, Sequence, new ControlCleanup(1)));
        Command(CommandKind.SwitchEptView, to => _dialect.Write(to, Sequence, new SwitchEptView(Vcpu, 2)));
        Command(CommandKind.ControlEptView, to => _dialect.Write(to, Sequence, new ControlEptView(Vcpu, 2, 1)));
        Command(CommandKind.DestroyEptView, to => _dialect.Write(to, Sequence, new DestroyEptView(2)));
        Command(CommandKind.SetVeInfoPage, to => _dialect.Write(to, Sequence, new SetVeInfoPage(Vcpu, Address, 1)));
        Command(CommandKind.SetPageSve, to => _dialect.Write(to, Sequence, new SetPageSve(2, 1, Address)));
        Command(CommandKind.ControlSpp, to => _dialect.Write(to, Sequence, new ControlSpp(1)));
        Command(CommandKind.QueryPhysical, to => _dialect.Write(to, Sequence, new QueryPhysical(0x12345)));
        Command(CommandKind.AllocGfn, to => _dialect.Write(to, Sequence, new AllocGfn(Vcpu, 0x12345)));
        Command(CommandKind.FreeGfn, to => _dialect.Write(to, Sequence, new FreeGfn(Vcpu, 0x12345)));
        Command(CommandKind.ChangeGfn, to => _dialect.Write(to, Sequence, new ChangeGfn(Vcpu, 2, 0x12345, 0x54321)));
        Command(CommandKind.ChangeGfn, to => _dialect.WriteOldChangeGfn(to, Sequence, new ChangeGfn(Vcpu, 0, 0x12345, 0x54321)));
    }

    private void AddListCommands()
    {
        var data = Bytes(600);
        var regs = State().Regs;
        PageAccessEntry[] pages = [new(Address, PageAccess.Read), new(Address + 0x1000, PageAccess.All)];
        PageWriteBitmapEntry[] bitmaps = [new(Address, 0x8000000f), new(Address + 0x1000, 1)];
        Command(CommandKind.WritePhysical, to => _dialect.Write(to, Sequence, new WritePhysical(Address, data)));
        Command(CommandKind.GetRegisters, to => _dialect.WriteGetRegisters(to, Sequence, Vcpu, []));
        Command(CommandKind.GetRegisters, to => _dialect.WriteGetRegisters(to, Sequence, Vcpu, [0x10, 0xc0000080, 0xc0000082]));
        Command(CommandKind.SetRegisters, to => _dialect.WriteSetRegisters(to, Sequence, Vcpu, in regs));
        Command(CommandKind.SetPageAccess, to => _dialect.WriteSetPageAccess(to, Sequence, Vcpu, 0, pages));
        Command(CommandKind.GetPageAccess, to => _dialect.WriteGetPageAccess(to, Sequence, Vcpu, 0, [Address, Address + 0x1000]));
        Command(CommandKind.SetPageWriteBitmap, to => _dialect.WriteSetPageWriteBitmap(to, Sequence, 0, bitmaps));
        Command(CommandKind.SetXsave, to => _dialect.WriteSetXsave(to, Sequence, Vcpu, Bytes(4096)));
    }

    // Which of the two forms a dialect gives them is what its layouts say.
    private void AddBare(CommandCapability command)
    {
        if (command.Kind is CommandKind.GetVersion or CommandKind.GetVmInfo or CommandKind.GetVcpuInfo or CommandKind.GetXsave
            or CommandKind.GetMaxGfn or CommandKind.GetMapToken or CommandKind.GetNextAvailableGfn or CommandKind.GetEptView
            or CommandKind.CreateEptView or CommandKind.DisableVe or CommandKind.PauseAllVcpus)
        {
            Command(command.Kind, to => command.Request.Min == 0
                ? _dialect.WriteEmpty(to, Sequence, command.Kind)
                : _dialect.WriteVcpuOnly(to, Sequence, command.Kind, Vcpu));
        }
    }

    private void Command(CommandKind kind, MessageWriter write)
    {
        if (Has(kind))
        {
            Add(MessageDirection.ToolToKernel, MessageRole.Command, kind, null, write);
        }
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)((i * 7) + 1);
        }

        return bytes;
    }

    private static VcpuState State() => new()
    {
        Mode = 8,
        View = 0,
        Regs = { Rip = 0xffffffff81000123, Rsp = 0xffffc90000012340, Rax = 34, Rdi = 24 },
        Sregs = { Cr3 = 0x1c0a000, Cr0 = 0x80050033, Efer = 0xd01 },
        Msrs = { Lstar = 0xffffffff81e00080, Pat = 0x0007040600070406 },
    };
}
