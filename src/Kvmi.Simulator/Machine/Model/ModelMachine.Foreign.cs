namespace Kvmi.Simulator.Machine.Model;

/// <content>Memory that is shared with another machine.</content>
public sealed partial class ModelMachine : IForeignMemory
{
    /// <inheritdoc/>
    public bool TryMapForeign(ulong gpa, IMachine source, ulong sourceGpa)
    {
        if (source is not ModelMachine other || !Memory.TryGetFrame(gpa, out var frame) || !other.Memory.TryGetFrame(sourceGpa, out var shown)) return false;
        frame.Share(shown);
        return true;
    }

    /// <inheritdoc/>
    public bool TryUnmapForeign(ulong gpa)
    {
        if (!Memory.TryGetFrame(gpa, out var frame)) return false;
        frame.Renew();
        return true;
    }
}
