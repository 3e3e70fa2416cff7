using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>The traps of one vCPU: for each the number of policies that hold it, and whether the kernel has it.</summary>
internal sealed class VcpuTraps
{
    private readonly Dictionary<(TrapKind Kind, uint Number), Trap> _traps = [];

    public VcpuTraps(ushort index) => Index = index;

    public ushort Index { get; }

    /// <summary>Traps that the kernel refused for now (the vCPU was not initialised) and that are tried again.</summary>
    public int Pending { get; private set; }

    /// <summary>Adds a holder; the command goes out for the first one.</summary>
    public KvmiError Hold(ITrapCommands commands, TrapKind kind, uint number)
    {
        var trap = _traps.GetValueOrDefault((kind, number));
        if (!trap.Installed)
        {
            var wasPending = trap.Holders > 0;
            var error = commands.Control(Index, kind, number, enable: true);
            trap.Installed = error == KvmiError.None;
            if (error is not (KvmiError.None or KvmiError.TryAgain))
            {
                return error;
            }

            Pending += (trap.Installed ? 0 : 1) - (wasPending ? 1 : 0);
        }

        trap.Holders++;
        _traps[(kind, number)] = trap;
        return KvmiError.None;
    }

    /// <summary>Takes a holder away; the command goes out for the last one.</summary>
    public KvmiError LetGo(ITrapCommands commands, TrapKind kind, uint number)
    {
        if (!_traps.TryGetValue((kind, number), out var trap))
        {
            return KvmiError.None;
        }

        trap.Holders--;
        if (trap.Holders > 0)
        {
            _traps[(kind, number)] = trap;
            return KvmiError.None;
        }

        _traps.Remove((kind, number));
        if (!trap.Installed)
        {
            Pending--;
            return KvmiError.None;
        }

        return commands.Control(Index, kind, number, enable: false);
    }

    /// <summary>Sends the commands of all traps again: those that wait, or, for a vCPU that was created anew, all.</summary>
    public KvmiError InstallAgain(ITrapCommands commands, bool all) => _traps.Count == 0 ? KvmiError.None : Install(commands, all);

    private KvmiError Install(ITrapCommands commands, bool all)
    {
        var worst = KvmiError.None;
        var missing = _traps.Where(pair => all || !pair.Value.Installed).Select(pair => pair.Key);
        foreach (var key in missing.OrderBy(key => key.Kind).ThenBy(key => key.Number).ToArray())
        {
            var trap = _traps[key];
            var wasInstalled = trap.Installed;
            var error = commands.Control(Index, key.Kind, key.Number, enable: true);
            trap.Installed = error == KvmiError.None;
            Pending += (wasInstalled ? 1 : 0) - (trap.Installed ? 1 : 0);
            _traps[key] = trap;
            if (error is not (KvmiError.None or KvmiError.TryAgain))
            {
                worst = error;
            }
        }

        return worst;
    }

    private struct Trap
    {
        public int Holders;
        public bool Installed;
    }
}
