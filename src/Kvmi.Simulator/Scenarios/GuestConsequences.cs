using System.Globalization;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Scenarios;

/// <summary>Reads from the mailboxes of the model guest what the attacks achieved. A field that is zero was never reached and says nothing.</summary>
internal static class GuestConsequences
{
    private const int PageShift = 12;

    /// <summary>Reads them, vCPU by vCPU.</summary>
    public static IReadOnlyList<Consequence> Read(IMachine machine)
    {
        var result = new List<Consequence>();
        for (var vcpu = 0; vcpu < machine.VcpuCount; vcpu++)
        {
            ReadVcpu(machine, vcpu, result);
        }

        return result;
    }

    private static void ReadVcpu(IMachine machine, int vcpu, List<Consequence> result)
    {
        Count("switches", GuestField.Switches);
        Count("syscalls", GuestField.Syscalls);
        if (Field(GuestField.LstarAfter) is var lstar and not 0)
        {
            Add("lstar", lstar == GuestLayout.SyscallEntryGva ? "kept" : "hijacked");
            Add("hijacked-syscalls", Number(Field(GuestField.HijackedSyscalls)));
        }

        Bit("smep", GuestField.Cr4After, ControlBits.Cr4Smep);
        Bit("smap", GuestField.Cr4After, ControlBits.Cr4Smap);
        Bit("umip", GuestField.Cr4After, ControlBits.Cr4Umip);
        Bit("wp", GuestField.Cr0After, ControlBits.Cr0Wp);
        if (Field(GuestField.SyscallEntryAfter) is var entry and not 0)
        {
            Add("syscall-entry", entry == BitConverter.ToUInt64(GuestKernel.Instance.Entry) ? "kept" : "patched");
        }

        Same("idt", GuestField.IdtAfter, GuestLayout.MailboxGva(vcpu) + GuestLayout.IdtOffset, "moved");
        Same("sysenter", GuestField.SysenterAfter, GuestLayout.SysenterEntryGva, "hijacked");
        Same("sfmask", GuestField.SfmaskAfter, GuestKernel.FullSfmask, "weakened");
        Bit("sce", GuestField.EferAfter, ControlBits.EferSce);
        if (Field(GuestField.ApicBaseAfter) is var apic and not 0)
        {
            Add("apic-base", apic >> PageShift == GuestKernel.MovedApicBase >> PageShift ? "moved" : "kept");
        }

        if (Field(GuestField.Cr4SetAfter) is var cr4 and not 0)
        {
            Add("vmx", (cr4 & ControlBits.Cr4Vmxe) != 0 ? "on" : "off");
        }

        Count("payload-ran", GuestField.PayloadRan);
        Count("user-payload-ran", GuestField.UserPayloadRan);
        Count("hijacked-gate-ran", GuestField.HijackedGateRan);
        Count("breakpoints", GuestField.Breakpoints);
        Count("steps-aborted", GuestField.StepsAborted);

        ulong Field(GuestField field) => GuestMailbox.Read(machine, vcpu, field);

        void Add(string name, string value) => result.Add(new Consequence(name, value, vcpu));

        void Bit(string name, GuestField field, ulong bit)
        {
            if (Field(field) is var value and not 0)
            {
                Add(name, (value & bit) != 0 ? "kept" : "cleared");
            }
        }

        void Same(string name, GuestField field, ulong expected, string otherwise)
        {
            if (Field(field) is var value and not 0)
            {
                Add(name, value == expected ? "kept" : otherwise);
            }
        }

        void Count(string name, GuestField field)
        {
            if (Field(field) is var value and not 0)
            {
                Add(name, Number(value));
            }
        }
    }

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
