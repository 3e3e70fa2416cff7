using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>The contract that plugins are built against, and which versions of it this host accepts.</summary>
internal static class PluginContract
{
    /// <summary>Simple name of the contract assembly.</summary>
    public const string AssemblyName = "Kvmi.Policy.Abstractions";

    /// <summary>The host's version.</summary>
    public static Version HostVersion { get; } = typeof(PolicyBase).Assembly.GetName().Version!;

    /// <summary>Types whose assemblies are the host's for every plugin.</summary>
    public static IReadOnlyList<Type> SharedTypes { get; } = [typeof(PolicyBase), typeof(CommandKind)];

    /// <summary>Same major, and no higher minor: the host has everything that the plugin may call.</summary>
    public static bool Accepts(Version built) => Accepts(built, HostVersion);

    /// <summary>The same rule for any assembly that is shared with plugins.</summary>
    public static bool Accepts(Version built, Version host) => built.Major == host.Major && built.Minor <= host.Minor;

    /// <summary>How a plugin is loaded: contract and protocol are the host's.</summary>
    public static PluginLoadOptions LoadOptions(PluginDescription plugin) => new()
    {
        MainAssemblyPath = plugin.MainAssemblyPath,
        MainAssemblyImage = plugin.Image,
        SharedTypes = SharedTypes,
        Rules = plugin.Rules,
    };

    /// <summary>Lower-case letters, digits and dashes, 1 to 64 of them.</summary>
    public static bool IsValidId(string id) =>
        id.Length is > 0 and <= 64 && id.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character == '-');
}
