using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Scripting.Coverage;

namespace Kvmi.Policy.Engine.Code;

/// <summary>Stable codes of the findings about scripts (KP04nn), plugins (KP05nn), generations (KP06nn) and tests (KP07nn).</summary>
internal static class CodeFindings
{
    /// <summary>A script file is missing or cannot be read.</summary>
    public const string ScriptUnreadable = "KP0401";

    /// <summary>A subscription names a method that the code does not have.</summary>
    public const string HandlerMissing = "KP0402";

    /// <summary>A handler has another signature than its subscription needs.</summary>
    public const string HandlerSignature = "KP0403";

    /// <summary>A script uses #r.</summary>
    public const string ReferenceDirective = "KP0404";

    /// <summary>A script uses async or await.</summary>
    public const string Async = "KP0405";

    /// <summary>A script uses unsafe code.</summary>
    public const string Unsafe = "KP0406";

    /// <summary>A #load names a file that may not be loaded or cannot be read.</summary>
    public const string LoadDirective = "KP0407";

    /// <summary>A script uses something that the allow-list does not name.</summary>
    public const string NotAllowed = "KP0408";

    /// <summary>A script uses stackalloc without a bound that can be seen.</summary>
    public const string StackAllocation = "KP0409";

    /// <summary>A script has a loop in a finally block.</summary>
    public const string LoopInFinally = "KP0410";

    /// <summary>A plugin file is no plugin: not a .NET assembly, cut short, or without the attribute.</summary>
    public const string PluginFile = "KP0501";

    /// <summary>A plugin was built against another contract version.</summary>
    public const string PluginContract = "KP0502";

    /// <summary>Two plugins have one id, or one folder holds two plugins.</summary>
    public const string PluginDuplicate = "KP0503";

    /// <summary>A plugin or something that it needs cannot be loaded.</summary>
    public const string PluginLoad = "KP0504";

    /// <summary>A policy names a plugin that is not there.</summary>
    public const string PluginMissing = "KP0505";

    /// <summary>A policy names a class that the plugin does not have, or that cannot be a policy.</summary>
    public const string PluginType = "KP0506";

    /// <summary>A policy is pinned to another build of a plugin.</summary>
    public const string PluginDigest = "KP0507";

    /// <summary>An assembly is not in the list of those that may be loaded.</summary>
    public const string PluginNotListed = "KP0508";

    /// <summary>Others can change a plugin's files.</summary>
    public const string PluginOwnership = "KP0509";

    /// <summary>A plugin uses something that the allow-lists do not name.</summary>
    public const string PluginNotAllowed = "KP0510";

    /// <summary>A policy asks for another version of a plugin than the one that is there.</summary>
    public const string PluginVersion = "KP0520";

    /// <summary>Code of a superseded generation stays in memory.</summary>
    public const string CodePinned = "KP0521";

    /// <summary>The constructor of a plugin's class does not return.</summary>
    public const string PluginHangs = "KP0630";

    /// <summary>Two policies have one id.</summary>
    public const string DuplicatePolicy = "KP0601";

    /// <summary>The policy source or the generation target failed.</summary>
    public const string ReloadFailed = "KP0602";

    /// <summary>The worker of untrusted policies does not start, or cannot be confined.</summary>
    public const string WorkerFailed = "KP0603";

    /// <summary>The worker of untrusted policies is not confined completely, and that was allowed.</summary>
    public const string WorkerWeak = "KP0604";

    /// <summary>Others can change a policy's files.</summary>
    public const string PolicyOwnership = "KP0605";

    /// <summary>A test of a policy failed before a reload.</summary>
    public const string TestFailed = "KP0615";

    /// <summary>The tests before a reload did not come to an end.</summary>
    public const string TestHangs = "KP0616";

    /// <summary>The files were changed while their tests ran.</summary>
    public const string ChangedWhileTested = "KP0617";

    /// <summary>A plugin's file is being written for too long.</summary>
    public const string PluginUnsettled = "KP0618";

    /// <summary>Code of several earlier generations stays in memory.</summary>
    public const string GenerationsPinned = "KP0619";

    /// <summary>An untrusted policy cannot run as shadow.</summary>
    public const string ShadowUntrusted = "KP0620";

    /// <summary>The tests of a policy run less of it than was asked for.</summary>
    public const string CoverageLow = ScriptCoverage.LowCoverage;

    /// <summary>The finding about code that something holds.</summary>
    public static Finding Pinned(PinnedCode code) => new(
        new(code.Plugin is { } plugin ? $"plugin '{plugin}'" : "scripts"),
        FindingSeverity.Warning,
        CodePinned,
        $"{(code.Plugin is { } id ? $"plugin '{id}'" : "a script")} of generation {code.Generation} is still in memory after {code.Collections} full collections: "
            + "something outside refers to its code",
        code.Plugin is null
            ? "look for a handler that has not returned (abandonedThreads in the summary); nothing else in a script can hold it"
            : "stop in OnDetach what the plugin has started: threads, timers, tasks, handlers of static events; no JsonSerializer on types of its own; restart the host to be rid of it");
}
