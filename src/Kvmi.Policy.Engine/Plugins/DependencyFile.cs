using System.Text.Json;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// Checks the form of a <c>.deps.json</c> before the runtime's resolver reads it. The resolver is native code that believes the file: a key
/// that is missing, or of another kind, ends the process (seen with <c>{}</c>).
/// </summary>
internal static class DependencyFile
{
    private static readonly string[] OptionalTexts = ["path", "hashPath", "runtimeStoreManifestName"];
    private static readonly string[] AssetGroups = ["runtime", "native", "resources", "runtimeTargets", "compile"];

    /// <summary>What is wrong with the bytes; null when the resolver can read them.</summary>
    public static string? FindFlaw(byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            return Check(document.RootElement);
        }
        catch (JsonException exception)
        {
            return $"it is no JSON ({exception.Message})";
        }
    }

    private static string? Check(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            return "it is no JSON object";

        var target = Get(root, "runtimeTarget") is { ValueKind: JsonValueKind.Object } named ? Get(named, "name") : Get(root, "runtimeTarget");
        if (target is not { ValueKind: JsonValueKind.String } name)
            return "runtimeTarget has no name";

        if (Get(root, "targets") is not { ValueKind: JsonValueKind.Object } targets || Get(targets, name.GetString()!) is not { ValueKind: JsonValueKind.Object })
            return "targets does not have the runtimeTarget";

        if (Get(root, "libraries") is not { ValueKind: JsonValueKind.Object } libraries)
            return "it has no libraries";

        return targets.EnumerateObject().Select(entry => Target(entry.Value)).FirstOrDefault(flaw => flaw is not null)
            ?? libraries.EnumerateObject().Select(Library).FirstOrDefault(flaw => flaw is not null)
            ?? Runtimes(root);
    }

    private static string? Target(JsonElement target)
    {
        if (target.ValueKind != JsonValueKind.Object)
            return "a target is no object";

        foreach (var package in target.EnumerateObject())
        {
            if (package.Value.ValueKind != JsonValueKind.Object)
                return $"{package.Name} in targets is no object";

            if (Get(package.Value, "dependencies") is { } dependencies
                && (dependencies.ValueKind != JsonValueKind.Object || dependencies.EnumerateObject().Any(entry => entry.Value.ValueKind != JsonValueKind.String)))
            {
                return $"the dependencies of {package.Name} are no object of texts";
            }

            foreach (var group in AssetGroups)
            {
                if (Get(package.Value, group) is { } assets && !AreAssets(assets, group == "runtimeTargets"))
                    return $"{group} of {package.Name} is no list of files";
            }
        }

        return null;
    }

    private static bool AreAssets(JsonElement assets, bool perSystem) =>
        assets.ValueKind == JsonValueKind.Object
        && assets.EnumerateObject().All(asset => asset.Value.ValueKind == JsonValueKind.Object
            && asset.Value.EnumerateObject().All(property => property.Value.ValueKind == JsonValueKind.String)
            && (!perSystem || (asset.Value.TryGetProperty("rid", out _) && asset.Value.TryGetProperty("assetType", out _))));

    private static string? Library(JsonProperty library)
    {
        if (library.Value.ValueKind != JsonValueKind.Object)
            return $"{library.Name} in libraries is no object";

        var isWhole = Get(library.Value, "type") is { ValueKind: JsonValueKind.String }
            && Get(library.Value, "serviceable") is { ValueKind: JsonValueKind.True or JsonValueKind.False }
            && Get(library.Value, "sha512") is { ValueKind: JsonValueKind.String };
        return isWhole && OptionalTexts.All(key => Get(library.Value, key) is null or { ValueKind: JsonValueKind.String })
            ? null
            : $"{library.Name} in libraries lacks type, serviceable or sha512, or has one of another kind";
    }

    private static string? Runtimes(JsonElement root) =>
        Get(root, "runtimes") is not { } runtimes
        || (runtimes.ValueKind == JsonValueKind.Object && runtimes.EnumerateObject().All(entry =>
            entry.Value.ValueKind == JsonValueKind.Array && entry.Value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)))
            ? null
            : "runtimes is no object of lists";

    private static JsonElement? Get(JsonElement element, string key) => element.TryGetProperty(key, out var value) ? value : null;
}
