using System.Globalization;
using System.Text;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Output;

/// <summary>The text form of a sink's summary.</summary>
internal static class TextSinks
{
    public static void Write(StringBuilder line, SinkState state)
    {
        line.Append("sink     ").AppendSafe(state.Name).Append(": ").Append(Words.Count(state.Delivered, "line")).Append(" delivered");
        if (state.Lost > 0)
        {
            line.Append(CultureInfo.InvariantCulture, $", {state.Lost} lost");
        }

        if (state.Failures > 0)
        {
            line.Append(", ").Append(Words.Count(state.Failures, "try", "tries")).Append(" failed");
        }
    }
}
