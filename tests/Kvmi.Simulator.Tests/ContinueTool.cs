using System.Net.Sockets;
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
        var d = _tool.Codec;

        // A paused vCPU keeps the scenario from starting, however slow the test machine is.
        Assert.Equal(0, _tool.Ask((b, s) => d.Write(b, s, new PauseVcpu(0, true))).Error);
        var pause = _tool.Event(EventKind.PauseVcpu);
        Seen[EventKind.PauseVcpu] = 1;
        Assert.Equal(0, _tool.Ask((b, s) => d.WriteEmpty(b, s, CommandKind.GetVersion)).Error);
        var vcpus = _tool.Ask((b, s) => d.WriteEmpty(b, s, CommandKind.GetVmInfo)).Payload[8];
        if (unhook)
        {
            Assert.Equal(0, _tool.Ask((b, s) => d.Write(b, s, new ControlVmEvents(0, 1))).Error);
        }

        for (ushort vcpu = 0; vcpu < vcpus; vcpu++)
        {
            foreach (var kind in new[] { EventKind.Cr, EventKind.Msr, EventKind.PageFault })
            {
                Assert.True(d.TryGetEventId(kind, out var id));
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

        _tool.Answer(pause);
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
            else if (!TryAnswer(message))
            {
                return;
            }
        }
    }

    private bool TryAnswer(ReceivedMessage message)
    {
        try
        {
            if (Decide?.Invoke(_tool, message) != true)
            {
                _tool.Allow(message);
            }

            return true;
        }
        catch (SocketException)
        {
            // The simulator has closed while this answer was on its way.
            return false;
        }
    }
}
