using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz.Decoders;

/// <content>Commands with lists, bytes or registers in them, and those that are a vCPU header alone.</content>
internal static partial class TypedDecoders
{
    // A tool asks for less at once than a kernel takes (rfc-v5 1.3), and the writers keep to that.
    private const int MostMsrs = 128;
    private const int MostAskedBytes = 4096 - MessageHeader.Length;

    private static TypedDecoder[] ListCommands() =>
    [
        new("ReadVcpuOnly(UInt16)", Has(CommandKind.GetXsave), VcpuOnly),
        new("Read(WritePhysical)", Has(CommandKind.WritePhysical), Write),
        new("Read(GetRegisters)", Has(CommandKind.GetRegisters), Registers),
        new("Read(SetPageAccess)", Has(CommandKind.SetPageAccess), PageAccesses),
        new("Read(GetPageAccess)", Has(CommandKind.GetPageAccess), AskedPages),
        new("Read(SetPageWriteBitmap)", Has(CommandKind.SetPageWriteBitmap), Bitmaps),
        new("ReadSetRegisters(UInt16, KvmRegs)", Has(CommandKind.SetRegisters), SetRegisters),
        new("ReadSetXsave(UInt16, ReadOnlySpan)", Has(CommandKind.SetXsave), SetXsave),
    ];

    private static bool VcpuOnly(scoped in DecoderInput input)
    {
        if (input.Dialect.ReadVcpuOnly(input.Payload, out var vcpu) != CommandStatus.Ok)
        {
            return false;
        }

        var length = input.Dialect.WriteVcpuOnly(input.Scratch.Message, 1, CommandKind.GetXsave, vcpu);
        Same(input.Dialect.ReadVcpuOnly(Written(in input, length), out var again), vcpu == again, "ReadVcpuOnly");
        return true;
    }

    private static bool Write(scoped in DecoderInput input)
    {
        if (input.Dialect.Read(input.Payload, out WritePhysical command) != CommandStatus.Ok)
        {
            return false;
        }

        if (input.CanBeWritten)
        {
            var length = input.Dialect.Write(input.Scratch.Message, 1, in command);
            var status = input.Dialect.Read(Written(in input, length), out WritePhysical again);
            Same(status, command.Gpa == again.Gpa && command.Data.SequenceEqual(again.Data), "Read(WritePhysical)");
        }

        return true;
    }

    private static bool Registers(scoped in DecoderInput input)
    {
        if (input.Dialect.Read(input.Payload, out GetRegisters command) != CommandStatus.Ok)
        {
            return false;
        }

        for (var i = 0; i < command.MsrCount; i++)
        {
            input.Scratch.Numbers[i] = command.Msr(i);
        }

        if (command.MsrCount <= MostMsrs)
        {
            var length = input.Dialect.WriteGetRegisters(input.Scratch.Message, 1, command.Vcpu, input.Scratch.Numbers.AsSpan(0, command.MsrCount));
            var status = input.Dialect.Read(Written(in input, length), out GetRegisters again);
            var same = command.Vcpu == again.Vcpu && command.MsrCount == again.MsrCount;
            for (var i = 0; same && i < command.MsrCount; i++)
            {
                same = command.Msr(i) == again.Msr(i);
            }

            Same(status, same, "Read(GetRegisters)");
        }

        return true;
    }

    private static bool PageAccesses(scoped in DecoderInput input)
    {
        if (input.Dialect.Read(input.Payload, out SetPageAccess command) != CommandStatus.Ok)
        {
            return false;
        }

        for (var i = 0; i < command.Count; i++)
        {
            command.TryGetEntry(i, out var gpa, out var access);
            input.Scratch.Pages[i] = new PageAccessEntry(gpa, (PageAccess)access);
        }

        if (input.CanBeWritten && command.Count <= input.Dialect.MaxPageAccessEntries)
        {
            var length = input.Dialect.WriteSetPageAccess(
                input.Scratch.Message, 1, command.Vcpu, command.View, input.Scratch.Pages.AsSpan(0, command.Count));
            var status = input.Dialect.Read(Written(in input, length), out SetPageAccess again);
            var same = (command.Vcpu, command.View, command.Count) == (again.Vcpu, again.View, again.Count);
            for (var i = 0; same && i < command.Count; i++)
            {
                again.TryGetEntry(i, out var gpa, out var access);
                same = input.Scratch.Pages[i] == new PageAccessEntry(gpa, (PageAccess)access);
            }

            Same(status, same, "Read(SetPageAccess)");
        }

        return true;
    }

    private static bool AskedPages(scoped in DecoderInput input)
    {
        if (input.Dialect.Read(input.Payload, out GetPageAccess command) != CommandStatus.Ok)
        {
            return false;
        }

        for (var i = 0; i < command.Count; i++)
        {
            input.Scratch.Addresses[i] = command.Gpa(i);
        }

        if (input.Payload.Length <= MostAskedBytes)
        {
            var length = input.Dialect.WriteGetPageAccess(
                input.Scratch.Message, 1, command.Vcpu, command.View, input.Scratch.Addresses.AsSpan(0, command.Count));
            var status = input.Dialect.Read(Written(in input, length), out GetPageAccess again);
            var same = (command.Vcpu, command.View, command.Count) == (again.Vcpu, again.View, again.Count);
            for (var i = 0; same && i < command.Count; i++)
            {
                same = command.Gpa(i) == again.Gpa(i);
            }

            Same(status, same, "Read(GetPageAccess)");
        }

        return true;
    }

    private static bool Bitmaps(scoped in DecoderInput input)
    {
        if (input.Dialect.Read(input.Payload, out SetPageWriteBitmap command) != CommandStatus.Ok)
        {
            return false;
        }

        for (var i = 0; i < command.Count; i++)
        {
            command.TryGetEntry(i, out input.Scratch.Bitmaps[i]);
        }

        if (input.CanBeWritten)
        {
            var length = input.Dialect.WriteSetPageWriteBitmap(
                input.Scratch.Message, 1, command.View, input.Scratch.Bitmaps.AsSpan(0, command.Count));
            var status = input.Dialect.Read(Written(in input, length), out SetPageWriteBitmap again);
            var same = (command.View, command.Count) == (again.View, again.Count);
            for (var i = 0; same && i < command.Count; i++)
            {
                same = again.TryGetEntry(i, out var entry) && entry == input.Scratch.Bitmaps[i];
            }

            Same(status, same, "Read(SetPageWriteBitmap)");
        }

        return true;
    }

    private static bool SetRegisters(scoped in DecoderInput input)
    {
        if (input.Dialect.ReadSetRegisters(input.Payload, out var vcpu, out var regs) != CommandStatus.Ok)
        {
            return false;
        }

        var length = input.Dialect.WriteSetRegisters(input.Scratch.Message, 1, vcpu, in regs);
        var status = input.Dialect.ReadSetRegisters(Written(in input, length), out var vcpu2, out var regs2);
        Same(status, vcpu == vcpu2 && SameBytes(in regs, in regs2), "ReadSetRegisters");
        return true;
    }

    private static bool SetXsave(scoped in DecoderInput input)
    {
        if (input.Dialect.ReadSetXsave(input.Payload, out var vcpu, out var area) != CommandStatus.Ok)
        {
            return false;
        }

        if (input.CanBeWritten)
        {
            var length = input.Dialect.WriteSetXsave(input.Scratch.Message, 1, vcpu, area);
            var status = input.Dialect.ReadSetXsave(Written(in input, length), out var vcpu2, out var area2);
            Same(status, vcpu == vcpu2 && area.SequenceEqual(area2), "ReadSetXsave");
        }

        return true;
    }

    private static bool SameBytes<T>(in T left, in T right)
        where T : unmanaged =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in left)).SequenceEqual(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in right)));

    private static ReadOnlySpan<byte> Written(scoped in DecoderInput input, int length) => input.Scratch.Message.AsSpan(Header, length - Header);

    private static void Same(CommandStatus status, bool same, string name) =>
        DecoderDefectException.Require(status == CommandStatus.Ok && same, name, NotTheSame);
}
