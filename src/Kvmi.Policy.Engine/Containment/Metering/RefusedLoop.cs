using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>A loop that cannot be stopped.</summary>
/// <param name="File">Source file; null when the debug information tells none.</param>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column, from 1.</param>
internal sealed record RefusedLoop(string? File, int Line, int Column)
{
    /// <summary>Finds the statement of a jump.</summary>
    public static RefusedLoop At(MethodDefinition method, Instruction jump)
    {
        var point = method.DebugInformation.SequencePoints.LastOrDefault(point => !point.IsHidden && point.Offset <= jump.Offset);
        return point is null ? new(null, 0, 0) : new(point.Document.Url, point.StartLine, point.StartColumn);
    }
}
