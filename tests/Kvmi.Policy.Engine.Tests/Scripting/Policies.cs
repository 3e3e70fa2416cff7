using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Tests.Scripting;

/// <summary>Definitions, events and builders for the tests of code loading.</summary>
internal static class Policies
{
    /// <summary>One compiler for all tests, so that references are read once.</summary>
    public static ScriptCompiler Compiler { get; } = new();

    public static GenerationBuilder Builder() => new(Compiler, new CollectiblePluginLoader(), TimeProvider.System);

    public static PolicySubscription On(EventKind kind, string? handler, int line = 10) => new()
    {
        Event = kind,
        Filter = EventFilter.Any,
        Handler = handler,
        Location = new("policy.yaml", line, 5),
    };

    public static PolicyDefinition Script(string id, string file, params PolicySubscription[] subscriptions) =>
        Define(id, new() { ScriptFile = file, Location = new("policy.yaml", 20, 3) }, subscriptions);

    public static PolicyDefinition Inline(string id, string text, params PolicySubscription[] subscriptions) =>
        Define(id, new() { InlineText = text, InlineLine = 1, Location = new("policy.yaml", 20, 3) }, subscriptions);

    public static PolicyDefinition Plugin(string id, string plugin, string? type, params PolicySubscription[] subscriptions) =>
        Define(id, new() { Plugin = plugin, PluginType = type, Location = new("policy.yaml", 20, 3) }, subscriptions);

    public static PolicyDefinition Define(string id, PolicyCode code, params PolicySubscription[] subscriptions) => new()
    {
        Id = id,
        Version = "1.0.0",
        File = "policy.yaml",
        Mode = PolicyMode.Enforce,
        Subscriptions = subscriptions.Length == 0 ? [On(EventKind.Cr, "OnCr")] : subscriptions,
        Code = code,
        Location = new("policy.yaml", 4, 3),
    };

    public static GenerationBuildResult Build(params PolicyDefinition[] definitions) => Builder().Build(definitions, PluginCatalog.Empty, null);

    /// <summary>The only finding of an inline script.</summary>
    public static Finding OnlyFinding(string script, params PolicySubscription[] subscriptions)
    {
        var result = Build(Inline("p", script, subscriptions));
        Assert.Null(result.Generation);
        return Assert.Single(result.Findings);
    }

    /// <summary>Builds an inline script and creates its instance.</summary>
    public static BoundPolicy Create(string script, RecordingServices services, params PolicySubscription[] subscriptions)
    {
        var result = Build(Inline("p", script, subscriptions));
        Assert.Empty(result.Findings);
        return result.Generation!.Policies[0].Factory.Create(services);
    }

    /// <summary>A message of a control-register write; the machine state is zero but for CR3.</summary>
    public static byte[] CrMessage(ulong oldValue, ulong newValue, ushort cr = 3) => Message(EventBody.Cr(cr, oldValue, newValue));

    public static byte[] Message(EventBody body)
    {
        var buffer = new byte[2048];
        var length = Dialect.All[0].WriteEvent(buffer, 1, 0, default, body);
        return buffer[..length];
    }

    public static Decision DecideCr(Delegate? handler, byte[] message)
    {
        Assert.Equal(DecodeStatus.Ok, Dialect.All[0].ReadEvent(message, out var frame));
        return ((PolicyHandler<CrEvent>)handler!)(new CrEvent(frame));
    }

    public static Decision DecidePf(Delegate? handler, byte[] message)
    {
        Assert.Equal(DecodeStatus.Ok, Dialect.All[0].ReadEvent(message, out var frame));
        return ((PolicyHandler<PageFaultEvent>)handler!)(new PageFaultEvent(frame));
    }
}
