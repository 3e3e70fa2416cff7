namespace Kvmi.Policy.Host.Sinks;

/// <summary>What stands behind <c>plugin:</c>.</summary>
/// <param name="Plugin">Id of the plugin.</param>
/// <param name="Class">Its class, with or without the namespace.</param>
/// <param name="Text">The rest, for the class; empty without one.</param>
internal sealed record PluginSinkTarget(string Plugin, string Class, string Text)
{
    /// <summary>Reads ID/CLASS[:TEXT].</summary>
    public static PluginSinkTarget Read(string target, SinkOptionList options)
    {
        var name = NameOf(target);
        var parts = name.Split('/');
        return parts is [{ Length: > 0 } plugin, { Length: > 0 } type]
            ? new(plugin, type, target.Length > name.Length ? target[(name.Length + 1)..] : "")
            : throw options.Wrong($"'{name}' names no sink of a plugin: give ID/CLASS, or ID/CLASS:TEXT when the class needs a text.");
    }

    /// <summary>The part that is no secret.</summary>
    public static string NameOf(string target) => target.Split(':', 2)[0];

    /// <summary>Opens the sink.</summary>
    public Func<TimeProvider, IRecordSink> Open(PluginSinks plugins) => time => new PluginSink(plugins.Load(this), this, time);
}
