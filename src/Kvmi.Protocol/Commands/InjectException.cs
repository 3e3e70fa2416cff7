namespace Kvmi.Protocol.Commands;

/// <summary>INJECT_EXCEPTION: deliver an exception to a vCPU; one TRAP event follows.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Vector">Exception vector, 0 to 31.</param>
/// <param name="ErrorCode">Used when the vector has an error code.</param>
/// <param name="Address">CR2 for vector 14.</param>
public readonly record struct InjectException(ushort Vcpu, byte Vector, uint ErrorCode, ulong Address);
