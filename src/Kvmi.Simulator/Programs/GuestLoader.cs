using System.Buffers.Binary;
using Kvmi.Simulator.Machine.Model;

namespace Kvmi.Simulator.Programs;

/// <summary>
/// The boot loader of the model guest: it puts code, descriptor tables, page tables and programs into memory and sets each vCPU to the
/// boot entry, in 64-bit mode with paging on, as a 64-bit loader hands over. Everything after that is the guest's own code.
/// </summary>
internal static class GuestLoader
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Large = 0x80;
    private const ulong NoExecute = 1UL << 63;
    private const ulong LargePage = 2UL << 20;
    private const int LargePages = 512;
    private const ulong TaskLimit = 103;

    public static void Load(ModelMachine machine, IReadOnlyList<ulong[]> programs)
    {
        LoadCode(machine);
        MapKernel(machine);
        for (var process = 0; process < GuestLayout.ProcessCount; process++) MapProcess(machine, process);

        // Also for those that may be plugged in: the kernel of a guest has room for all CPUs from the start.
        for (var vcpu = 0; vcpu < programs.Count; vcpu++)
        {
            LoadTables(machine, vcpu);
            LoadMailbox(machine, vcpu);
            var program = GuestLayout.MailboxGpa(vcpu) + GuestLayout.ProgramOffset;
            var words = programs[vcpu];
            for (var index = 0; index < words.Length; index++) Put(machine, program + ((ulong)index * 8), words[index]);
            if (vcpu >= machine.VcpuCount) continue;
            var stack = GuestLayout.MailboxGva(vcpu) + GuestLayout.KernelStackTop;
            machine.GetModelVcpu(vcpu).StartInLongMode(GuestLayout.TextGva, stack, GuestLayout.BootRoot, (ulong)vcpu);
        }
    }

    private static void LoadCode(ModelMachine machine)
    {
        var kernel = GuestKernel.Instance;
        Put(machine, GuestLayout.TextGpa, kernel.Text);
        for (var step = 0; step < kernel.StepTable.Length; step++)
            Put(machine, GuestKernel.StepTableGva - GuestLayout.KernelOffset + ((ulong)step * 8), kernel.StepTable[step]);
        Put(machine, GuestLayout.SyscallEntryGpa, kernel.Entry);
        PutModule(machine, GuestLayout.HijackedEntryGva, kernel.HijackedEntry);
        PutModule(machine, GuestLayout.RootkitGva, kernel.Rootkit);
        PutModule(machine, GuestLayout.HijackedGateGva, kernel.HijackedGate);
        PutModule(machine, GuestLayout.EntryHookGva, kernel.EntryHook);
        PutModule(machine, GuestLayout.ProbeGva, kernel.Probe);
    }

    private static void MapKernel(ModelMachine machine)
    {
        Put(machine, GuestLayout.DirectPdpt, GuestLayout.DirectPd | Present | Writable);
        Put(machine, GuestLayout.KernelPdpt + (510 * 8), GuestLayout.KernelPd | Present | Writable);
        Put(machine, GuestLayout.KernelPdpt + (511 * 8), GuestLayout.ModulePd | Present | Writable);
        for (var page = 0; page < LargePages; page++)
        {
            var gpa = (ulong)page * LargePage;
            if (gpa >= machine.MemorySize) break;
            var rights = gpa switch
            {
                // Writable text: the state in which a module loader or an attacker works.
                GuestLayout.TextGpa => Writable,
                GuestLayout.EntryTextGpa => 0UL,
                _ => Writable | NoExecute,
            };
            Put(machine, GuestLayout.DirectPd + ((ulong)page * 8), gpa | Present | Writable | Large | NoExecute);
            Put(machine, GuestLayout.KernelPd + ((ulong)page * 8), gpa | Present | rights | Large);
        }

        Put(machine, GuestLayout.ModulePd + (5 * 8), GuestLayout.ModulePt | Present | Writable);
        for (var page = 0UL; page < GuestLayout.ModuleSize >> 12; page++)
            Put(machine, GuestLayout.ModulePt + (page * 8), (GuestLayout.ModuleGpa + (page << 12)) | Present | Writable);
        PutRoot(machine, GuestLayout.BootRoot, GuestLayout.DirectPdpt | Present | Writable);
    }

    private static void MapProcess(ModelMachine machine, int process)
    {
        var root = GuestLayout.ProcessRoot(process);
        var page = GuestLayout.UserGpa + ((ulong)process << 12);
        const ulong Table = Present | Writable | User;
        PutRoot(machine, root, (root + 0x1000) | Table);
        Put(machine, root + 0x1000, (root + 0x2000) | Table);
        Put(machine, root + 0x2000 + ((GuestLayout.UserGva >> 21) * 8), (root + 0x3000) | Table);
        Put(machine, root + 0x3000, page | Present | User);
        Put(machine, page, GuestKernel.Instance.User);
        Put(machine, page + (GuestLayout.UserPayloadGva - GuestLayout.UserGva), GuestKernel.Instance.UserPayload);
        Put(machine, page + (GuestLayout.NarrowEntryGva - GuestLayout.UserGva), GuestKernel.Instance.NarrowEntry);
        Put(machine, page + (GuestLayout.NarrowCodeGva - GuestLayout.UserGva), GuestKernel.Instance.NarrowCode);
        Put(machine, page + (GuestLayout.NarrowReturnGva - GuestLayout.UserGva), GuestKernel.Instance.NarrowReturn);
    }

    private static void PutRoot(ModelMachine machine, ulong root, ulong lowerHalf)
    {
        Put(machine, root, lowerHalf);
        Put(machine, root + (((GuestLayout.DirectMap >> 39) & 0x1FF) * 8), GuestLayout.DirectPdpt | Present | Writable);
        Put(machine, root + (511 * 8), GuestLayout.KernelPdpt | Present | Writable);
    }

    private static void LoadTables(ModelMachine machine, int vcpu)
    {
        var block = GuestLayout.MailboxGpa(vcpu);
        var gdt = block + GuestLayout.TablesOffset;
        var task = GuestLayout.MailboxGva(vcpu) + GuestLayout.TaskOffset;

        // The selectors are Linux's: 0x10 and 0x18 kernel, 0x23 32-bit user, 0x2B and 0x33 user, 0x40 task.
        Put(machine, gdt + 0x10, 0x00AF_9B00_0000_FFFF);
        Put(machine, gdt + 0x18, 0x00CF_9300_0000_FFFF);
        Put(machine, gdt + 0x20, 0x00CF_FB00_0000_FFFF);
        Put(machine, gdt + 0x28, 0x00CF_F300_0000_FFFF);
        Put(machine, gdt + 0x30, 0x00AF_FB00_0000_FFFF);
        Put(machine, gdt + 0x40, TaskLimit | ((task & 0xFF_FFFF) << 16) | (0x89UL << 40) | ((task & 0xFF00_0000) << 32));
        Put(machine, gdt + 0x48, task >> 32);

        // RSP0 and IST1. All gates use IST1: SYSCALL leaves a window in which the stack is still the user's.
        Put(machine, block + GuestLayout.TaskOffset + 4, GuestLayout.MailboxGva(vcpu) + GuestLayout.KernelStackTop);
        Put(machine, block + GuestLayout.TaskOffset + 36, GuestLayout.MailboxGva(vcpu) + GuestLayout.ExceptionStackTop);

        var entries = GuestKernel.Instance.ExceptionEntries;
        for (var vector = 0; vector < entries.Length; vector++)
        {
            var (low, high) = GuestKernel.MakeGate(entries[vector], 1);
            Put(machine, block + GuestLayout.IdtOffset + ((ulong)vector * 16), low);
            Put(machine, block + GuestLayout.IdtOffset + ((ulong)vector * 16) + 8, high);
        }
    }

    private static void LoadMailbox(ModelMachine machine, int vcpu)
    {
        var mailbox = GuestLayout.MailboxGva(vcpu);
        PutPointer(machine, vcpu, GuestField.GdtPointer, mailbox + GuestLayout.TablesOffset, 0x4F);
        PutPointer(machine, vcpu, GuestField.IdtPointer, mailbox + GuestLayout.IdtOffset, 0x1FF);
        Put(machine, vcpu, GuestField.ProgramStart, mailbox + GuestLayout.ProgramOffset);
        Put(machine, vcpu, GuestField.ProcessCount, GuestLayout.ProcessCount);
        Put(machine, vcpu, GuestField.CurrentProcess, (ulong)(vcpu % GuestLayout.ProcessCount));
        for (var process = 0; process < GuestLayout.ProcessCount; process++)
            Put(machine, vcpu, GuestField.Roots + process, GuestLayout.ProcessRoot(process));
    }

    private static void PutPointer(ModelMachine machine, int vcpu, GuestField field, ulong address, ushort limit)
    {
        Span<byte> bytes = stackalloc byte[10];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, limit);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[2..], address);
        Put(machine, GuestLayout.MailboxGpa(vcpu) + ((ulong)field * 8), bytes);
    }

    private static void PutModule(ModelMachine machine, ulong gva, byte[] code) =>
        Put(machine, gva - GuestLayout.ModuleGva + GuestLayout.ModuleGpa, code);

    private static void Put(ModelMachine machine, int vcpu, GuestField field, ulong value) =>
        Put(machine, GuestLayout.MailboxGpa(vcpu) + ((ulong)field * 8), value);

    private static void Put(ModelMachine machine, ulong gpa, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Put(machine, gpa, bytes);
    }

    private static void Put(ModelMachine machine, ulong gpa, ReadOnlySpan<byte> bytes)
    {
        if (!machine.TryWritePhysical(gpa, bytes))
            throw new ArgumentException($"The guest needs memory at 0x{gpa:X}, the machine has 0x{machine.MemorySize:X} bytes.", nameof(machine));
    }
}
