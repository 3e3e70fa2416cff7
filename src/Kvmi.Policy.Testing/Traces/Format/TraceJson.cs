using System.Text.Json.Serialization;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>Records that are rare are JSON inside the file, so that later versions can add to them.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 8)]
[JsonSerializable(typeof(TraceVm))]
[JsonSerializable(typeof(TracePolicy))]
[JsonSerializable(typeof(TraceGap))]
[JsonSerializable(typeof(TraceDetached))]
[JsonSerializable(typeof(TraceEnd))]
internal sealed partial class TraceJson : JsonSerializerContext;
