using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>
/// The tool's half of captured conversations is sent to the simulated kernel; what a real kernel answered is expected: ids, sizes,
/// sequence numbers and errors of replies, and every byte of events, whose machine state the scripted vCPU takes from the capture.
/// </summary>
public sealed class CaptureReplayTests
{
    [Theory]
    [InlineData("kvmi-v7-setup.hex")]
    [InlineData("kvmi-v7-errors.hex")]
    [InlineData("kvmi-v7-memory.hex")]
    [InlineData("kvmi-v7-pause.hex")]
    [InlineData("kvmi-v7-cr.hex")]
    [InlineData("kvmi-v7-msr.hex")]
    [InlineData("kvmi-v7-pagefault.hex")]
    [InlineData("kvmi-v7-cmd-response.hex")]
    [InlineData("kvmi-v7-breakpoint.hex")]
    [InlineData("kvmi-v7-hypercall.hex")]
    [InlineData("kvmi-v7-descriptor.hex")]
    [InlineData("kvmi-v7-linux-cr3.hex")]
    [InlineData("kvmi-v7-preunhook.hex")]
    [InlineData("kvmi-v11-setup.hex")]
    [InlineData("kvmi-v11-errors.hex")]
    [InlineData("kvmi-v11-vcpu-queries.hex")]
    [InlineData("kvmi-v11-pause.hex")]
    [InlineData("kvmi-v11-cr.hex")]
    [InlineData("kvmi-v11-msr.hex")]
    [InlineData("kvmi-v11-pagefault.hex")]
    [InlineData("kvmi-v11-linux-cr3.hex")]
    public async Task Answers_as_the_captured_kernel(string capture)
    {
        await using var kernel = new KernelFixture(vcpus: 2, dialect: CapturedConversation.DialectOf(capture));
        kernel.Machine.Features = MachineFeatures.None;
        var sequences = new Dictionary<uint, uint>();
        var conversation = CapturedConversation.Read(capture);
        var early = new List<ReceivedMessage>();
        var compared = 0;
        for (var i = 0; i < conversation.Count; i++)
        {
            var (fromTool, note, bytes) = conversation[i];
            Assert.True(MessageHeader.TryRead(bytes, out var header), note);
            if (fromTool)
            {
                var isReply = kernel.Codec.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.EventReply;
                if (!isReply && kernel.Codec.TryGetCommand(header.Id, out var kind) && kind == CommandKind.PauseVcpu)
                {
                    PreparePause(kernel, conversation, i);
                }

                kernel.Tool.SendBytes(WithSequence(bytes, isReply ? sequences[header.Sequence] : header.Sequence));
            }
            else if (kernel.Codec.Classify(MessageDirection.KernelToTool, header.Id) == MessageRole.Event)
            {
                var actual = Provoke(kernel, bytes, early);
                sequences[header.Sequence] = actual.Header.Sequence;
                Assert.Equal(Convert.ToHexString(WithoutPadding(kernel.Codec, bytes)), Convert.ToHexString(WithSequence(actual.Bytes, header.Sequence)));
                compared++;
            }
            else
            {
                var actual = kernel.Tool.Reply(header.Sequence);
                Assert.Equal(header, actual.Header);
                Assert.Equal(BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)), actual.Error);
                compared++;
            }
        }

        Assert.True(compared >= 3, "The capture holds too little to compare.");
        Assert.False(kernel.Hook.IsClosed);
    }

    // A v11 kernel leaves what was in its memory in the padding behind the vCPU and behind the mode; the simulator sends zeros.
    private static byte[] WithoutPadding(Dialect codec, byte[] message)
    {
        var clean = (byte[])message.Clone();
        if (codec.Id == KvmiDialect.V11)
        {
            clean.AsSpan(20, 4).Clear();
            clean.AsSpan(25, 7).Clear();
        }

        return clean;
    }

    private static byte[] WithSequence(byte[] message, uint sequence)
    {
        var copy = (byte[])message.Clone();
        BinaryPrimitives.WriteUInt32LittleEndian(copy.AsSpan(4), sequence);
        return copy;
    }

    /// <summary>A PAUSE event follows from its command, so the recorded state must be there before the command is sent.</summary>
    private static void PreparePause(KernelFixture kernel, List<(bool FromTool, string Note, byte[] Bytes)> conversation, int command)
    {
        var vcpu = BinaryPrimitives.ReadUInt16LittleEndian(conversation[command].Bytes.AsSpan(MessageHeader.Length));
        foreach (var (fromTool, _, bytes) in conversation.Skip(command))
        {
            if (!fromTool && kernel.Codec.ReadEvent(bytes, out var frame) == DecodeStatus.Ok && frame.Vcpu == vcpu)
            {
                kernel.Machine[vcpu].SetState(StateOf(frame));
                return;
            }
        }
    }

    private static ReceivedMessage Provoke(KernelFixture kernel, byte[] recorded, List<ReceivedMessage> early)
    {
        Assert.Equal(DecodeStatus.Ok, kernel.Codec.ReadEvent(recorded, out var frame));
        if (frame.Kind is EventKind.Unhook)
        {
            kernel.Hook.SendVmEvent(EventBody.Plain(EventKind.Unhook));
        }
        else if (frame.Kind is not (EventKind.PauseVcpu or EventKind.CommandError))
        {
            kernel.Machine[frame.Vcpu].SetState(StateOf(frame));
            kernel.Machine[frame.Vcpu].Queue(ExitOf(frame));
        }

        var vcpu = frame.Vcpu;

        // Which of two vCPUs that are paused at once stops first is chance, also in the captures.
        ReceivedMessage? found;
        while ((found = early.Find(message => message.Vcpu == vcpu)) is null)
        {
            early.Add(kernel.Tool.Event());
        }

        early.Remove(found);
        return found;
    }

    private static VcpuState StateOf(EventFrame frame) => new()
    {
        Mode = frame.Mode,
        View = frame.View,
        Regs = frame.Regs,
        Sregs = frame.Sregs,
        Msrs = frame.Msrs,
    };

    private static VcpuExit ExitOf(EventFrame frame) => frame.Kind switch
    {
        EventKind.Cr => new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = frame.Cr, OldValue = frame.OldValue, NewValue = frame.NewValue },
        EventKind.Msr => new VcpuExit { Kind = VcpuExitKind.MsrWrite, Number = frame.Msr, OldValue = frame.OldValue, NewValue = frame.NewValue },
        EventKind.PageFault => new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = frame.Gva, Gpa = frame.Gpa, Access = frame.Access },
        EventKind.Breakpoint => new VcpuExit { Kind = VcpuExitKind.Breakpoint, Gpa = frame.Gpa, Length = frame.InstructionLength },
        EventKind.Hypercall => new VcpuExit { Kind = VcpuExitKind.Hypercall },
        EventKind.Descriptor => new VcpuExit { Kind = VcpuExitKind.Descriptor, Table = frame.Descriptor, IsWrite = frame.IsDescriptorWrite },
        _ => throw new InvalidOperationException($"No exit for {frame.Kind}."),
    };
}
