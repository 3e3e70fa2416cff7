using System.Globalization;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Scenarios;

/// <summary>Reads from the mailboxes of the model guest what the attacks achieved. A field that is zero was never reached and says nothing.</summary>
internal static class GuestConsequences
{
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
