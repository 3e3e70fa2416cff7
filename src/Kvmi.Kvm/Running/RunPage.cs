using System.Runtime.InteropServices;

namespace Kvmi.Kvm.Running;

/// <summary>
/// struct kvm_run, the memory that a vCPU shares with its process. Lengths in it come from the kernel and are checked against
/// the mapping by <see cref="SafeBuffer"/>, and here against what an access can have.
/// </summary>
internal static class RunPage
{
    private const ulong ReasonOffset = 8;

    /// <summary>Start of the union whose members the reason selects.</summary>
    private const ulong Body = 32;
    private const int LargestPortData = 4096;

    /// <summary>Reads the exit.</summary>
    public static KvmExit ReadExit(SafeBuffer run)
    {
        var reason = Reason(run);
        return reason switch
        {
            KvmExitReason.Io => new KvmExit(reason) { Port = ReadPort(run) },
            KvmExitReason.Mmio => new KvmExit(reason) { Memory = ReadMemory(run) },
            KvmExitReason.Debug => new KvmExit(reason)
            {
                Debug = new KvmDebugStop(
                    (int)run.Read<uint>(Body), run.Read<ulong>(Body + 8), run.Read<ulong>(Body + 16), run.Read<ulong>(Body + 24)),
            },
            KvmExitReason.Unknown or KvmExitReason.FailEntry => new KvmExit(reason) { Detail = run.Read<ulong>(Body) },
            KvmExitReason.InternalError => new KvmExit(reason) { Detail = run.Read<uint>(Body) },
            _ => new KvmExit(reason),
        };
    }

    /// <summary>Answers a read.</summary>
    public static void AnswerRead(SafeBuffer run, ReadOnlySpan<byte> value)
    {
        var (offset, length) = Reason(run) switch
        {
            KvmExitReason.Io when ReadPort(run) is { IsWrite: false } port => (run.Read<ulong>(Body + 8), port.Size * port.Count),
            KvmExitReason.Mmio when ReadMemory(run) is { IsWrite: false } memory => (Body + 8, memory.Size),
            _ => throw new InvalidOperationException("The guest does not wait for a value: its last exit was no read."),
        };
        if (value.Length != length)
        {
            throw new ArgumentException($"The guest reads {length} bytes, {value.Length} were given.", nameof(value));
        }

        run.WriteSpan(offset, value);
    }

    private static KvmExitReason Reason(SafeBuffer run) => (KvmExitReason)run.Read<uint>(ReasonOffset);

    private static KvmPortAccess ReadPort(SafeBuffer run)
    {
        var isWrite = run.Read<byte>(Body) != 0;
        var size = run.Read<byte>(Body + 1);
        var count = run.Read<uint>(Body + 4);
        var data = new byte[isWrite ? (int)Math.Min((ulong)size * count, LargestPortData) : 0];
        run.ReadSpan(run.Read<ulong>(Body + 8), data.AsSpan());
        return new KvmPortAccess(isWrite, run.Read<ushort>(Body + 2), size, (int)Math.Min(count, LargestPortData), data);
    }

    private static KvmMemoryAccess ReadMemory(SafeBuffer run)
    {
        var size = (int)Math.Min(run.Read<uint>(Body + 16), 8);
        var isWrite = run.Read<byte>(Body + 20) != 0;
        var data = new byte[isWrite ? size : 0];
        run.ReadSpan(Body + 8, data.AsSpan());
        return new KvmMemoryAccess(isWrite, run.Read<ulong>(Body), size, data);
    }
}
