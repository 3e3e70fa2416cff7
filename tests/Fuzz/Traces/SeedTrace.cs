using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Format;

namespace Kvmi.Fuzz.Traces;

/// <summary>A real trace to begin with: the file, and the records of its first chunk as they are before compression.</summary>
/// <param name="Name">Name of the file.</param>
/// <param name="File">The file.</param>
/// <param name="Records">The records of its first chunk.</param>
/// <param name="Count">How many these are.</param>
internal sealed record SeedTrace(string Name, byte[] File, byte[] Records, int Count)
{
    /// <summary>Reads the traces of a folder (*.kvmitrace).</summary>
    public static IReadOnlyList<SeedTrace> Of(string folder) =>
        [.. (Directory.Exists(folder) ? Directory.GetFiles(folder, "*.kvmitrace") : []).Order(StringComparer.Ordinal).Select(Read)];

    private static SeedTrace Read(string path)
    {
        var bytes = System.IO.File.ReadAllBytes(path);
        using var trace = TraceFile.Open(path, new MemoryStream(bytes, writable: false));
        using var stream = new MemoryStream(bytes, writable: false);
        var records = ChunkIndex.ReadRecords(stream, trace.Chunks[0], out var problem) ?? throw new InvalidDataException($"{path}: {problem}");
        return new SeedTrace(Path.GetFileName(path), bytes, records, trace.Chunks[0].Records);
    }
}
