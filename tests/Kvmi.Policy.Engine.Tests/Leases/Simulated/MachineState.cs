using Kvmi.Protocol;
using Kvmi.Simulator.Machine;

namespace Kvmi.Policy.Engine.Tests.Leases.Simulated;

/// <summary>What policies can change about a machine: traps and view of every vCPU, the rights of every page in every view, and the memory that the guest itself leaves alone.</summary>
internal sealed class MachineState
{
    private const ulong PageSize = 4096;
    private const uint Star = 0xC000_0081;
    private const uint Lstar = 0xC000_0082;

    // Kernel text, modules and entry text; the guest's buffer and what lies behind it. Elsewhere are its data, its stacks and its page tables.
    private static readonly (ulong First, ulong End)[] Quiet = [(0x100_0000, 0x1F0_0000), (0x600_0000, 0x800_0000)];

    private readonly IMachine _machine;
    private readonly Dictionary<ulong, byte[]> _pages = [];

    /// <summary>Remembers the memory as it is.</summary>
    public MachineState(IMachine machine)
    {
        _machine = machine;
        foreach (var gpa in QuietPages())
        {
            var page = new byte[PageSize];
            Assert.True(machine.TryReadPhysical(gpa, page));
            _pages.Add(gpa, page);
        }
    }

    /// <summary>What is not as it was; empty when all is well.</summary>
    public IReadOnlyList<string> FindDifferences()
    {
        var differences = new List<string>();
        for (var index = 0; index < _machine.VcpuCount; index++)
        {
            var traps = _machine.GetVcpu(index).Traps;
            (string Name, bool On)[] all =
            [
                ("breakpoints", traps.Breakpoint), ("descriptors", traps.Descriptor), ("single-step", traps.Singlestep), ("XSETBV", traps.Xsetbv),
                ("CPUID", traps.Cpuid), ("CR0", traps.GetCr(0)), ("CR3", traps.GetCr(3)), ("CR4", traps.GetCr(4)),
                ("LSTAR", traps.GetMsr(Lstar)), ("STAR", traps.GetMsr(Star)),
            ];
            differences.AddRange(all.Where(trap => trap.On).Select(trap => $"vCPU {index} still traps {trap.Name}"));
            if (_machine.GetVcpu(index).Views is { Current: not 0 and var view })
            {
                differences.Add($"vCPU {index} is in view {view}");
            }
        }

        for (ulong gpa = 0; gpa < _machine.MemorySize; gpa += PageSize)
        {
            if (!_machine.TryGetPageAccess(gpa, out var access) || access != PageAccess.All)
            {
                differences.Add($"page 0x{gpa:x} has the rights {access}");
            }

            for (var view = 1; _machine.Views is { } views && view < views.Count; view++)
            {
                if (!views.TryGetPageAccess(view, gpa, out var rights) || rights != PageAccess.All)
                {
                    differences.Add($"page 0x{gpa:x} has the rights {rights} in view {view}");
                }
            }
        }

        differences.AddRange(_pages.Where(page => !Holds(page.Key, page.Value)).Select(page => $"page 0x{page.Key:x} has other bytes"));
        return differences;
    }

    private static IEnumerable<ulong> QuietPages()
    {
        foreach (var (first, end) in Quiet)
        {
            for (var gpa = first; gpa < end; gpa += PageSize)
            {
                yield return gpa;
            }
        }
    }

    private bool Holds(ulong gpa, ReadOnlySpan<byte> bytes)
    {
        Span<byte> page = stackalloc byte[(int)PageSize];
        return _machine.TryReadPhysical(gpa, page) && page.SequenceEqual(bytes);
    }
}
