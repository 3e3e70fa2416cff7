namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>What a record holds. The numbers are part of the format; a reader passes over kinds that it does not know.</summary>
internal enum TraceRecordKind : byte
{
    Vm = 1,
    Message = 2,
    Contents = 3,
    Decision = 4,
    Policy = 5,
    Gap = 6,
    Detached = 7,
    End = 8,
}
