using Kvmi.Protocol;
using Kvmi.Protocol.Handshake;

namespace Kvmi.Simulator.DeviceManager;

/// <summary>Writes the hello in each of the forms that device managers send (kvmi-later-dialects.md 2.2).</summary>
internal static class VmHello
{
    private const ulong LowMemoryEnd = 0xA_0000;
    private const ulong HighMemoryStart = 0x10_0000;
    private const uint Usable = 1;
    private const byte CpuX64 = 1;

    /// <summary>The form that the QEMU of a dialect sends: the one of branch kvmi-v12 tells where memory ends (kvmi-later-dialects.md 2.2).</summary>
    public static HelloForm UsualForm(KvmiDialect dialect) => dialect == KvmiDialect.V12 ? HelloForm.MaxGpa : HelloForm.Base;

    /// <summary>Makes the bytes.</summary>
    /// <param name="form">Which form.</param>
    /// <param name="name">Name of the guest.</param>
    /// <param name="uuid">UUID of the guest.</param>
    /// <param name="startTime">When the guest was started.</param>
    /// <param name="memorySize">End of guest memory.</param>
    public static byte[] Create(HelloForm form, string name, Guid uuid, DateTimeOffset startTime, ulong memorySize)
    {
        E820Entry[] map = form == HelloForm.E820 ? MemoryMap(memorySize) : [];
        var hello = new HelloRecord
        {
            Size = form switch
            {
                HelloForm.Short => HelloRecord.MinSize,
                HelloForm.MaxGpa => HelloRecord.ExtendedSize,
                HelloForm.E820 => HelloRecord.SizeWithE820(map.Length),
                _ => HelloRecord.BaseSize,
            },
            Uuid = uuid,
            CpuType = form == HelloForm.E820 ? CpuX64 : (byte)0,
            StartTime = startTime.ToUnixTimeSeconds(),
            Name = HelloRecord.EncodeName(name),
            MaxGpa = form == HelloForm.MaxGpa ? memorySize : null,
            E820 = map,
        };
        var bytes = new byte[hello.Size];
        hello.Write(bytes);
        return bytes;
    }

    private static E820Entry[] MemoryMap(ulong memorySize) => memorySize <= HighMemoryStart
        ? [new E820Entry(0, memorySize, Usable)]
        : [new E820Entry(0, LowMemoryEnd, Usable), new E820Entry(HighMemoryStart, memorySize - HighMemoryStart, Usable)];
}
