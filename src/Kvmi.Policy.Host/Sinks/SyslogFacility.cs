namespace Kvmi.Policy.Host.Sinks;

/// <summary>The facility of syslog messages, with its number of RFC 5424, table 1.</summary>
internal enum SyslogFacility
{
    /// <summary>User-level messages.</summary>
    User = 1,

    /// <summary>System daemons.</summary>
    Daemon = 3,

    /// <summary>Security messages.</summary>
    Auth = 4,

    /// <summary>Security messages that not everybody may read.</summary>
    Authpriv = 10,

    /// <summary>For local use, as are the next seven.</summary>
    Local0 = 16,

    /// <inheritdoc cref="Local0"/>
    Local1 = 17,

    /// <inheritdoc cref="Local0"/>
    Local2 = 18,

    /// <inheritdoc cref="Local0"/>
    Local3 = 19,

    /// <inheritdoc cref="Local0"/>
    Local4 = 20,

    /// <inheritdoc cref="Local0"/>
    Local5 = 21,

    /// <inheritdoc cref="Local0"/>
    Local6 = 22,

    /// <inheritdoc cref="Local0"/>
    Local7 = 23,
}
