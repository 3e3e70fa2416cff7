namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Patches in the order in which they were written. Where one is taken out and a later one covers a byte of it, the later one inherits the
/// former byte. The live patches of a VM and the replay of its journal are both such a stack, so that they agree.
/// </summary>
internal sealed class PatchStack
{
    private readonly List<MemoryPatch> _patches = [];

    public int Count => _patches.Count;

    /// <summary>Bytes of all patches together.</summary>
    public int Bytes { get; private set; }

    public MemoryPatch this[int index] => _patches[index];

    public void Add(MemoryPatch patch)
    {
        _patches.Add(patch);
        Bytes += patch.Length;
    }

    public int IndexOf(uint id) => _patches.FindIndex(patch => patch.Id == id);

    /// <summary>The latest patch that touches the range; null without one.</summary>
    public MemoryPatch? FindLatest(ulong gpa, int length) => _patches.FindLast(patch => patch.Overlaps(gpa, length));

    /// <summary>Takes a patch out.</summary>
    /// <param name="index">Its place.</param>
    /// <param name="inherited">Set where a later patch covers the byte; as long as the patch.</param>
    public MemoryPatch TakeOut(int index, Span<bool> inherited)
    {
        var patch = _patches[index];
        _patches.RemoveAt(index);
        Bytes -= patch.Length;
        for (var later = index; later < _patches.Count; later++)
        {
            var other = _patches[later];
            if (!other.Overlaps(patch.Gpa, patch.Length))
            {
                continue;
            }

            for (var k = 0; k < patch.Length; k++)
            {
                var gpa = patch.Gpa + (ulong)k;
                if (!inherited[k] && other.Overlaps(gpa, 1))
                {
                    other.Former[gpa - other.Gpa] = patch.Former[k];
                    inherited[k] = true;
                }
            }
        }

        return patch;
    }
}
