namespace Kvmi.Kvm.Running;

/// <summary>Why a vCPU left the guest.</summary>
/// <param name="Reason">The reason.</param>
public sealed record KvmExit(KvmExitReason Reason)
{
    /// <summary>The port access; only for <see cref="KvmExitReason.Io"/>.</summary>
    public KvmPortAccess? Port { get; init; }

    /// <summary>The debugging event; only for <see cref="KvmExitReason.Debug"/>.</summary>
    public KvmDebugStop? Debug { get; init; }

    /// <summary>The memory access; only for <see cref="KvmExitReason.Mmio"/>.</summary>
    public KvmMemoryAccess? Memory { get; init; }

    /// <summary>
    /// A number that says more: the hardware's reason for <see cref="KvmExitReason.Unknown"/> and
    /// <see cref="KvmExitReason.FailEntry"/>, KVM's own for <see cref="KvmExitReason.InternalError"/>; null for the others.
    /// </summary>
    public ulong? Detail { get; init; }
}
