namespace Kvmi.Policy.Host.Sinks;

/// <summary>What a sink writes to.</summary>
internal enum SinkKind
{
    /// <summary>JSON lines in a file that is renamed when it is large.</summary>
    File,

    /// <summary>RFC 5424 messages.</summary>
    Syslog,

    /// <summary>JSON lines over a stream socket.</summary>
    Stream,

    /// <summary>Batches of JSON by HTTP POST.</summary>
    Webhook,

    /// <summary>A class of a plugin.</summary>
    Plugin,
}
