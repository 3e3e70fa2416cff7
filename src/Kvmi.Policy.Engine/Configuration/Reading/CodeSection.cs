using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>spec.script: where the handlers come from.</summary>
internal static class CodeSection
{
    public static PolicyCode Read(PolicyContext context, IReadOnlyList<PolicySubscription> subscriptions)
    {
        var needsCode = subscriptions.Any(subscription => subscription.Handler is not null);
        if (context.Spec["script"] is not { } script)
        {
            return needsCode ? FindOnlyScript(context) : new PolicyCode { Location = context.At(context.Spec["subscriptions"]!) };
        }

        var sources = new[] { script["file"], script["inline"], script["plugin"] }.Count(node => node is not null);
        if (sources != 1 || (script.HasKey("plugin") != script.HasKey("type")))
        {
            context.Findings.Error(script, FindingCodes.ScriptAmbiguous, "A script is one of: file, inline, or plugin together with type.");
        }

        if (script["sha256"] is { } digest && !script.HasKey("plugin"))
        {
            context.Findings.Error(digest, FindingCodes.ScriptAmbiguous, "The digest is that of a plugin, and the script is none.", "take sha256 out");
        }

        return new PolicyCode
        {
            ScriptFile = ReadFile(context, script["file"]),
            InlineText = script["inline"]?.Text,
            InlineLine = script["inline"] is { } inline ? inline.Line + (inline.IsBlock ? 1 : 0) : 0,
            Plugin = script["plugin"]?.Text,
            PluginType = script["type"]?.Text,
            Location = context.At(script),
        };
    }

    private static string? ReadFile(PolicyContext context, YamlNode? node)
    {
        if (node is null || context.Resolve(node) is not { } path)
        {
            return null;
        }

        if (!path.EndsWith(".csx", StringComparison.Ordinal))
        {
            context.Findings.Error(node, FindingCodes.ScriptNotFound, $"The script {Quoting.Quote(node.Text)} is no .csx file.");
        }
        else if (!context.Options.Files.FileExists(path))
        {
            context.Findings.Error(node, FindingCodes.ScriptNotFound, $"The script {Quoting.Quote(node.Text)} does not exist in the policy's folder.", Spelling.Hint(node.Text, Scripts(context)));
        }

        return path;
    }

    private static PolicyCode FindOnlyScript(PolicyContext context)
    {
        var scripts = Scripts(context);
        var place = context.Spec["subscriptions"]!;
        if (scripts.Count == 1)
        {
            return new PolicyCode { ScriptFile = Path.Combine(context.Directory, scripts[0]), Location = context.At(place) };
        }

        if (scripts.Count == 0)
        {
            context.Findings.Error(place, FindingCodes.ScriptNotFound, "There is no .csx file in the policy's folder, and the subscriptions name handlers.", "add the script, or name it under script");
        }
        else
        {
            context.Findings.Error(place, FindingCodes.ScriptAmbiguous, $"There are {scripts.Count} .csx files in the policy's folder.", $"name one: script: {{ file: {scripts[0]} }}");
        }

        return new PolicyCode { Location = context.At(place) };
    }

    private static List<string> Scripts(PolicyContext context)
    {
        try
        {
            return [.. context.Options.Files.Files(context.Directory.Length == 0 ? "." : context.Directory)
                .Where(path => path.EndsWith(".csx", StringComparison.Ordinal))
                .Select(path => Path.GetFileName(path))
                .Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            context.Findings.Error(context.Spec, FindingCodes.CannotRead, $"The policy's folder cannot be listed: {exception.Message}");
            return [];
        }
    }
}
