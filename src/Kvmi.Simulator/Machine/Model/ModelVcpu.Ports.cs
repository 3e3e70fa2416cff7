using Iced.Intel;

namespace Kvmi.Simulator.Machine.Model;

/// <content>IN and OUT.</content>
internal sealed partial class ModelVcpu
{
    private bool AccessPort(in Instruction i)
    {
        // Without an I/O permission bitmap in the TSS the flags alone decide (Intel SDM volume 1, 19.5).
        if (_cpl > (int)((_flags & Flags.Iopl) >> 12)) return RaiseGeneralProtection();
        var portOperand = i.Mnemonic == Mnemonic.In ? 1 : 0;
        var dataRegister = i.GetOpRegister(1 - portOperand);
        var port = (ushort)(i.GetOpKind(portOperand) == OpKind.Register ? _gpr[Rdx] : i.Immediate8);
        if (i.Mnemonic == Mnemonic.In) SetRegister(dataRegister, _machine.ReadPort(port, dataRegister.GetSize()));
        else _machine.WritePort(port);
        return true;
    }
}
