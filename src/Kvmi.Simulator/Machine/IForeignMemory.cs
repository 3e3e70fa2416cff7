namespace Kvmi.Simulator.Machine;

/// <summary>A machine whose pages can show the memory of another machine. Any thread, at any time.</summary>
public interface IForeignMemory
{
    /// <summary>
    /// Puts a page of another machine in the place of one of this machine's: what either of them writes there, both see. Access rights stay
    /// each machine's own. What the page held before is lost.
    /// </summary>
    /// <param name="gpa">An address in the page of this machine.</param>
    /// <param name="source">The other machine.</param>
    /// <param name="sourceGpa">An address in its page.</param>
    /// <returns>False when one of the pages is no memory, or the other machine cannot share its own.</returns>
    bool TryMapForeign(ulong gpa, IMachine source, ulong sourceGpa);

    /// <summary>Gives a page fresh memory of its own, all zero.</summary>
    /// <param name="gpa">An address in the page.</param>
    /// <returns>False when it is no memory.</returns>
    bool TryUnmapForeign(ulong gpa);
}
