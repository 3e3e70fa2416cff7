using System.Runtime.InteropServices;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>Machine states and events made of any numbers.</summary>
internal static class V7States
{
    public static VcpuState State(uint[] numbers)
    {
        var state = new VcpuState { Mode = (byte)numbers.Length, View = (ushort)numbers.FirstOrDefault() };
        Fill(ref state.Regs, numbers, 1);
        Fill(ref state.Sregs, numbers, 2);
        Fill(ref state.Msrs, numbers, 3);
        return state;
    }

    public static EventBody[] Bodies(ulong value, uint number) =>
    [
        EventBody.Plain(EventKind.Unhook),
        EventBody.Plain(EventKind.Hypercall),
        EventBody.Plain(EventKind.PauseVcpu),
        EventBody.Plain(EventKind.CreateVcpu),
        EventBody.Cr((ushort)number, value, ~value),
        EventBody.Msr(number, value, ~value),
        EventBody.Xsetbv(0, value, ~value),
        EventBody.Breakpoint(value, (byte)number),
        EventBody.PageFault(value, ~value, (PageAccess)(number & 7), (ushort)number),
        EventBody.Trap((byte)number, number, value),
        EventBody.Descriptor((DescriptorTable)(byte)number, (number & 1) != 0),
        EventBody.Singlestep((number & 1) != 0),
        EventBody.CommandError((KvmiError)(int)number, ~number, (ushort)value),
        EventBody.Cpuid(number, ~number, (byte)value),
    ];

    private static void Fill<T>(ref T structure, uint[] numbers, int salt)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(new Span<T>(ref structure));
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(salt + (numbers.Length == 0 ? 0 : numbers[i % numbers.Length] >> (i % 24)));
        }
    }
}
