using Kvmi.Policy.Engine.Containment.Worker.Lane;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>What a worker says when it is ready.</summary>
/// <param name="Weaknesses">Steps of its confinement that the system refused; empty when it is complete.</param>
/// <param name="Findings">What is wrong with the policies' code.</param>
internal sealed record WorkerReport(IReadOnlyList<string> Weaknesses, IReadOnlyList<(int Policy, string Code, string Message, string Hint)> Findings)
{
    private const int MaxItems = 256;
    private const int MaxText = 2000;

    /// <summary>Writes it.</summary>
    public void Write(ref LaneWriter writer)
    {
        writer.Begin(LaneCode.Ready, 0);
        writer.U16((ushort)Math.Min(Weaknesses.Count, MaxItems));
        foreach (var weakness in Weaknesses.Take(MaxItems))
        {
            writer.Text(weakness, 200);
        }

        // As many as fit beyond doubt.
        var count = Math.Min(Findings.Count, 8);
        writer.U16((ushort)count);
        foreach (var finding in Findings.Take(count))
        {
            writer.U16((ushort)finding.Policy);
            writer.Text(finding.Code, 16);
            writer.Text(finding.Message, MaxText);
            writer.Text(finding.Hint, MaxText);
        }
    }

    /// <summary>Reads it; null when it is none.</summary>
    public static WorkerReport? Read(ReadOnlySpan<byte> message)
    {
        var reader = new LaneReader(message);
        if (reader.U8() != (byte)LaneCode.Ready || reader.U32() != 0)
        {
            return null;
        }

        var weaknesses = new List<string>();
        for (var left = Math.Min((int)reader.U16(), MaxItems); left > 0 && !reader.IsBroken; left--)
        {
            weaknesses.Add(reader.Text(200));
        }

        var findings = new List<(int, string, string, string)>();
        for (var left = Math.Min((int)reader.U16(), MaxItems); left > 0 && !reader.IsBroken; left--)
        {
            findings.Add((reader.U16(), reader.Text(16), reader.Text(MaxText), reader.Text(MaxText)));
        }

        return reader.IsWhole ? new(weaknesses, findings) : null;
    }
}
