using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Tests;

/// <summary>The least tool that is of use: arms CR3, CR4, LSTAR and one page on every vCPU, answers everything with CONTINUE.</summary>
internal sealed class ContinueTool
{
    private readonly RawTool _tool;

    public ContinueTool(RawTool tool) => _tool = tool;

    public Dictionary<EventKind, int> Seen { get; } = [];

    /// <summary>Gives another answer than CONTINUE; returns false to give the usual one.</summary>
    public Func<RawTool, ReceivedMessage, bool>? Decide { get; init; }

    public bool ClosesOnUnhook { get; init; } = true;

    public void Arm(bool unhook = true, params ulong[] guardedPages)
    {
        var d = RawTool.Dialect;
        Assert.Equal(0, _tool.Ask((b, s) => d.WriteEmpty(b, s, CommandKind.GetVersion)).Error);
        var vcpus = _tool.Ask((b, s) => d.WriteEmpty(b, s, CommandKind.GetVmInfo)).Payload[8];
        if (unhook)
        {
            Assert.Equal(0, _tool.Ask((b, s) => d.Write(b, s, new ControlVmEvents(0, 1))).Error);
        }

        for (ushort vcpu = 0; vcpu < vcpus; vcpu++)
        {
            foreach (var id in new ushort[] { 1, 2, 6 })
            {
                Assert.Equal(0, _tool.Ask((b, s) => d.Write(b, s, new ControlEvents(vcpu, id, 1))).Error);
            }

            Assert.Equal(0, _tool.Ask((b, s) => d.Write(b, s, new ControlCr(vcpu, 3, 1))).Error);
            Assert.Equal(0, _tool.Ask((b, s) => d.Write(b, s, new ControlCr(vcpu, 4, 1))).Error);
            Assert.Equal(0, _tool.Ask((b, s) => d.Write(b, s, new ControlMsr(vcpu, 0xc0000082, 1))).Error);
        }

        foreach (var page in guardedPages)
        {
            Assert.Equal(0, _tool.Ask((b, s) => d.WriteSetPageAccess(b, s, 0, [new PageAccessEntry(page, PageAccess.ReadWrite)])).Error);
        }
    }

    /// <summary>Answers until the simulator closes or UNHOOK comes.</summary>
    public void Serve()
    {
        while (_tool.NextEventFirst() is { } message)
        {
            if (!message.IsEvent)
            {
                continue;
            }

            Seen[message.Kind] = Seen.GetValueOrDefault(message.Kind) + 1;
            if (message.Kind == EventKind.Unhook)
            {
                if (ClosesOnUnhook)
                {
                    _tool.Dispose();
                    return;
                }
            }
            else if (Decide?.Invoke(_tool, message) != true)
            {
                _tool.Allow(message);
            }
        }
    }
}
