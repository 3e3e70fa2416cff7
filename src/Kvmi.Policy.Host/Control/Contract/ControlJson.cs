using System.Text.Json.Serialization;

namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>The JSON of the control socket, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 16)]
[JsonSerializable(typeof(HostReply))]
[JsonSerializable(typeof(IReadOnlyList<PolicyReply>))]
[JsonSerializable(typeof(PolicyReply))]
[JsonSerializable(typeof(DecisionReply))]
[JsonSerializable(typeof(ReloadReply))]
[JsonSerializable(typeof(ModeRequest))]
[JsonSerializable(typeof(ModeReply))]
[JsonSerializable(typeof(EmissionRequest))]
[JsonSerializable(typeof(DecisionsReply))]
[JsonSerializable(typeof(ShadowReply))]
[JsonSerializable(typeof(ShadowChangeReply))]
[JsonSerializable(typeof(ProblemReply))]
internal sealed partial class ControlJson : JsonSerializerContext;
