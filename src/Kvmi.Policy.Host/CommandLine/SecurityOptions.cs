using System.CommandLine;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Trust;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>What plugins and policy files must satisfy, for every verb that loads them. One set of options a verb.</summary>
internal sealed class SecurityOptions
{
    private const int MaxListLength = 1024 * 1024;

    private readonly Option<string?> _pluginAllow = new("--plugin-allow")
    {
        Description = "File with lines of sha256sum; no other assembly is loaded as a plugin or with one",
        HelpName = "FILE",
    };

    private readonly Option<bool> _restrict = new("--restrict-plugins")
    {
        Description = "Refuse plugins whose code uses more of .NET than the allow-lists name (no files, network, processes, threads, reflection, native code)",
    };

    private readonly Option<bool> _trustPermissions = new("--trust-file-permissions")
    {
        Description = "Load plugins and policies although other users can change their files",
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_pluginAllow);
        verb.Add(_restrict);
        verb.Add(_trustPermissions);
    }

    /// <summary>What the command line asks for.</summary>
    /// <exception cref="HostEnvironmentException">The list cannot be read.</exception>
    public FileRules Read(ParseResult parse)
    {
        var ownership = parse.GetValue(_trustPermissions) ? null : FileOwnership.OfThisProcess;
        return new FileRules(
            new PluginRules { Ownership = ownership, RestrictCode = parse.GetValue(_restrict), Allowed = ReadList(parse.GetValue(_pluginAllow), ownership) },
            ownership);
    }

    private static PluginDigestList? ReadList(string? file, FileOwnership? ownership)
    {
        if (file is null)
        {
            return null;
        }

        if (ownership?.FindFlaw(file) is { } flaw)
        {
            throw new HostEnvironmentException($"{file}: others can change the list of plugins: {flaw}.");
        }

        try
        {
            using var reader = new StreamReader(File.OpenRead(file));
            var text = new char[MaxListLength];
            var length = reader.ReadBlock(text);
            return length < text.Length
                ? PluginDigestList.Parse(file, new string(text, 0, length))
                : throw new HostEnvironmentException($"{file}: a list of plugins has at most {MaxListLength} characters.");
        }
        catch (FormatException exception)
        {
            throw new HostEnvironmentException(exception.Message, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"{file}: the list of plugins cannot be read: {exception.Message}", exception);
        }
    }
}
