using System.Reflection.Metadata;

namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>Where the instructions of an assembly come from, by its portable PDB.</summary>
internal sealed class SequencePoints(MetadataReader? symbols)
{
    /// <summary>Finds the source of an instruction.</summary>
    /// <param name="method">The method that has it.</param>
    /// <param name="offset">Its offset in the body.</param>
    /// <returns>The statement that it belongs to: the last one that starts at or before the offset; nulls and zeros when unknown.</returns>
    public (string? File, int Line, int Column) Find(MethodDefinitionHandle method, int offset)
    {
        if (symbols is null || method.IsNil)
            return default;

        var information = symbols.GetMethodDebugInformation(method.ToDebugInformationHandle());
        if (information.SequencePointsBlob.IsNil)
            return default;

        (string? File, int Line, int Column) found = default;
        foreach (var point in information.GetSequencePoints())
        {
            if (point.Offset > offset && found.File is not null)
                break;

            if (!point.IsHidden && !point.Document.IsNil)
                found = (symbols.GetString(symbols.GetDocument(point.Document).Name), point.StartLine, point.StartColumn);
        }

        return found;
    }
}
