namespace Kvmi.Policy.Engine.Plugins;

/// <summary>The contract that plugins are built against, and which versions of it this host accepts.</summary>
internal static class PluginContract
{
    /// <summary>Simple name of the contract assembly.</summary>
    public const string AssemblyName = "Kvmi.Policy.Abstractions";

    /// <summary>The host's version.</summary>
    public static Version HostVersion { get; } = typeof(PolicyBase).Assembly.GetName().Version!;

    /// <summary>Same major, and no higher minor: the host has everything that the plugin may call.</summary>
    public static bool Accepts(Version built) => built.Major == HostVersion.Major && built.Minor <= HostVersion.Minor;

    /// <summary>Lower-case letters, digits and dashes, 1 to 64 of them.</summary>
    public static bool IsValidId(string id) =>
        id.Length is > 0 and <= 64 && id.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character == '-');
}
