namespace Kvmi.Protocol.Commands;

/// <summary>INJECT_EXCEPTION: deliver an exception to a vCPU; one TRAP event follows (rfc-v5: only when another one won).</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Vector">Exception vector, 0 to 31.</param>
/// <param name="ErrorCode">Used when the vector has an error code; rfc-v5 carries its lower 16 bits.</param>
/// <param name="Address">CR2 for vector 14.</param>
public readonly record struct InjectException(ushort Vcpu, byte Vector, uint ErrorCode, ulong Address)
{
    // #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP: Intel SDM volume 3, table 6-1.
    private const uint VectorsWithErrorCode = (1u << 8) | (1u << 10) | (1u << 11) | (1u << 12) | (1u << 13) | (1u << 14) | (1u << 17) | (1u << 21);

    private readonly bool _differs;

    /// <summary>
    /// Does an error code belong to it? Only rfc-v5 has a byte for this (has_error); the later dialects imply it by the vector,
    /// which is also the value here until it is set.
    /// </summary>
    public bool HasErrorCode
    {
        get => _differs != ImpliesErrorCode(Vector);
        init => _differs = value != ImpliesErrorCode(Vector);
    }

    private static bool ImpliesErrorCode(byte vector) => vector < 32 && (VectorsWithErrorCode & (1u << vector)) != 0;
}
