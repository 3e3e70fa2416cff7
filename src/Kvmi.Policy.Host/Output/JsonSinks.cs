using System.Text.Json;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Output;

/// <summary>The JSON form of a sink's summary.</summary>
internal static class JsonSinks
{
    public static void Write(Utf8JsonWriter json, SinkState state)
    {
        json.WriteString("summary", "sink");
        json.WriteString("sink", state.Name);
        json.WriteNumber("delivered", state.Delivered);
        json.WriteNumber("lost", state.Lost);
        json.WriteNumber("failures", state.Failures);
        json.WriteBoolean("failing", state.IsFailing);
    }
}
