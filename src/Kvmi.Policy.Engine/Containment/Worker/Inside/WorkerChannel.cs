using Kvmi.Policy.Engine.Containment.Worker.Lane;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>The worker's end of the lane while a policy runs: questions to the host, and the answers.</summary>
/// <param name="memory">What is shared.</param>
internal sealed class WorkerChannel(LaneMemory memory)
{
    private readonly byte[] _answer = new byte[LaneMemory.Capacity];

    /// <summary>Number of the request that is being served.</summary>
    public uint Sequence { get; set; }

    /// <summary>Time of that request.</summary>
    public DateTimeOffset UtcNow { get; set; }

    /// <summary>Time since the VM was attached.</summary>
    public TimeSpan SinceAttach { get; set; }

    /// <summary>vCPUs of the VM.</summary>
    public int VcpuCount { get; set; }

    /// <summary>Starts a question.</summary>
    public LaneWriter Ask(LaneCode code)
    {
        var writer = memory.Write();
        writer.Begin(code, Sequence);
        return writer;
    }

    /// <summary>Sends the question and waits for the answer, which is valid until the next one.</summary>
    /// <exception cref="InvalidOperationException">The host refuses, with its reason.</exception>
    public LaneReader Answer(in LaneWriter question)
    {
        memory.Hand(LaneSide.Host, question.Length);
        memory.Wait(LaneSide.Worker, Timeout.InfiniteTimeSpan, null);
        var length = memory.Receive(_answer);
        var reader = new LaneReader(_answer.AsSpan(0, Math.Max(length, 0)));
        var code = (LaneCode)reader.U8();
        reader.U32();
        return code == LaneCode.Result ? reader : throw new InvalidOperationException(reader.Text(1024));
    }
}
