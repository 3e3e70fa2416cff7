using System.CommandLine;
using System.Globalization;
using Kvmi.Session;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Who may connect to Unix sockets. One set of options a verb.</summary>
internal sealed class PeerOptions
{
    private readonly Option<string[]> _users = new("--allow-uid")
    {
        Description = "User (number or name) that may connect to Unix sockets besides root and the user of this process; may be given again. "
            + "Needs --socket-group too, unless that user is root's equal",
        HelpName = "USER",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _group = new("--socket-group")
    {
        Description = "Group (number or name) of the Unix sockets, which then have mode 0660 instead of 0600: a group of the user who runs QEMU",
        HelpName = "GROUP",
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_users);
        verb.Add(_group);
    }

    /// <summary>Puts what the command line says into the options of a server.</summary>
    /// <exception cref="UsageException">A user or group is not known.</exception>
    public Func<KvmiServerOptions, KvmiServerOptions> Read(ParseResult parse)
    {
        var users = parse.GetRequiredValue(_users).Select(name => Find(name, "/etc/passwd", "user", _users.Name)).ToArray();
        var group = parse.GetValue(_group) is { } given ? Find(given, "/etc/group", "group", _group.Name) : (uint?)null;
        return options => options with { AllowedUsers = users, SocketGroup = group };
    }

    // Both files have the name first and the number third (passwd(5), group(5)). Users of other sources (LDAP, systemd) are given by number.
    private static uint Find(string name, string file, string what, string option)
    {
        // All ones is "nobody changes" in chown(2) and no user.
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number != uint.MaxValue)
        {
            return number;
        }

        foreach (var line in File.Exists(file) ? File.ReadLines(file) : [])
        {
            var parts = line.Split(':');
            if (parts.Length > 2 && parts[0] == name && uint.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out number))
            {
                return number;
            }
        }

        throw new UsageException($"{option} {name}: {file} has no such {what}; give its number (id -u, id -g or getent {(what == "user" ? "passwd" : "group")} show it).");
    }
}
