using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Dialects.Later;

/// <summary>One command as the kernel reads it, and where its padding lies.</summary>
/// <param name="Name">Name of the command.</param>
/// <param name="Length">Payload bytes.</param>
/// <param name="HasVcpu">It begins with the vCPU header.</param>
/// <param name="Padding">First and last byte of its own padding.</param>
/// <param name="Read">The reader.</param>
public sealed record KernelReader(string Name, int Length, bool HasVcpu, int[] Padding, KernelReader.Reader Read)
{
    public delegate CommandStatus Reader(Dialect codec, ReadOnlySpan<byte> payload);

    /// <summary>Those that lie the same in v7, v11 and v12.</summary>
    public static KernelReader[] Common { get; } =
    [
        new("CHECK_COMMAND", 8, false, [2, 7], (codec, payload) => codec.Read(payload, out CheckCommand _)),
        new("CHECK_EVENT", 8, false, [2, 7], (codec, payload) => codec.Read(payload, out CheckEvent _)),
        new("CONTROL_VM_EVENTS", 8, false, [3, 7], (codec, payload) => codec.Read(payload, out ControlVmEvents _)),
        new("CONTROL_EVENTS", 16, true, [11, 15], (codec, payload) => codec.Read(payload, out ControlEvents _)),
        new("CONTROL_MSR", 16, true, [9, 11], (codec, payload) => codec.Read(payload, out ControlMsr _)),
        new("CONTROL_SINGLESTEP", 16, true, [9, 15], (codec, payload) => codec.Read(payload, out ControlSinglestep _)),
        new("INJECT_EXCEPTION", 24, true, [9, 11], (codec, payload) => codec.Read(payload, out InjectException _)),
        new("GET_CPUID", 16, true, [], (codec, payload) => codec.Read(payload, out GetCpuid _)),
        new("GET_XCR", 16, true, [9, 15], (codec, payload) => codec.Read(payload, out GetXcr _)),
        new("GET_MTRR_TYPE", 16, true, [], (codec, payload) => codec.Read(payload, out GetMtrrType _)),
        new("TRANSLATE_GVA", 16, true, [], (codec, payload) => codec.Read(payload, out TranslateGva _)),
        new("GET_VCPU_INFO", 8, true, [], (codec, payload) => codec.ReadVcpuOnly(payload, out _)),
        new("GET_REGISTERS", 16, true, [10, 15], (codec, payload) => codec.Read(payload, out GetRegisters _)),
        new("SET_REGISTERS", 152, true, [], (codec, payload) => codec.ReadSetRegisters(payload, out _, out _)),
    ];

    /// <summary>A payload of zeros but for one byte.</summary>
    public static byte[] With(int length, int position)
    {
        var payload = new byte[length];
        payload[position] = 0xff;
        return payload;
    }
}
