using System.Buffers;
using Kvmi.Protocol;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// Something that the receiving thread leaves for a vCPU: a command, an event reply or a pause request. They share one queue, so that
/// their order on the wire is the order in which the vCPU sees them.
/// </summary>
internal readonly struct VcpuJob
{
    private readonly byte[]? _message;

    private VcpuJob(HookedVm hook, VcpuJobKind kind, in CommandContext command, byte[]? message)
    {
        Hook = hook;
        Kind = kind;
        Command = command;
        _message = message;
    }

    /// <summary>The hook that it came through; a job of an earlier hook is dropped.</summary>
    public HookedVm Hook { get; }

    /// <summary>What it is.</summary>
    public VcpuJobKind Kind { get; }

    /// <summary>The command, or the header of the event reply.</summary>
    public CommandContext Command { get; }

    /// <summary>The whole message.</summary>
    public ReadOnlySpan<byte> Message => _message.AsSpan(0, Command.Header.MessageLength);

    /// <summary>The message behind its header.</summary>
    public ReadOnlySpan<byte> Payload => Message[MessageHeader.Length..];

    /// <summary>Makes a job that owns a copy of a message.</summary>
    public static VcpuJob Copy(HookedVm hook, VcpuJobKind kind, in CommandContext command, ReadOnlySpan<byte> message)
    {
        var copy = ArrayPool<byte>.Shared.Rent(message.Length);
        message.CopyTo(copy);
        return new VcpuJob(hook, kind, in command, copy);
    }

    /// <summary>Makes a pause request.</summary>
    public static VcpuJob Pause(HookedVm hook) => new(hook, VcpuJobKind.Pause, default, null);

    /// <summary>Gives the copy back; once, when the job is done.</summary>
    public void Release()
    {
        if (_message is not null)
        {
            ArrayPool<byte>.Shared.Return(_message);
        }
    }
}
