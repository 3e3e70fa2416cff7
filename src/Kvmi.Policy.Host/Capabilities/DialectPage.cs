using System.Globalization;
using System.Text;
using Kvmi.Policy.Host.Output;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects.Capabilities;

namespace Kvmi.Policy.Host.Capabilities;

/// <summary>The documentation page of the dialects, written from their tables.</summary>
internal static class DialectPage
{
    private const string None = "–";

    /// <summary>Writes the page.</summary>
    /// <param name="dialects">In the order of the columns.</param>
    public static string Write(IReadOnlyList<DialectCapabilities> dialects)
    {
        var page = new StringBuilder();
        page.Append("""
            # Dialects: what each one has

            This page is made by `kvmi-policy dialects --markdown` from the codecs themselves, and a test compares the two. Do not edit it.

            Numbers of bytes are payload bytes, without the eight bytes of the message header. "8 + 16 n to 8184": 8 bytes and any number of
            entries of 16, at most 8184 in all. A reply counts the eight bytes of its error code; a reply that tells an error has only these.

            ## At a glance


            """.ReplaceLineEndings("\n"));
        Row(page, "", dialects.Select(dialect => dialect.Name));
        Row(page, "---", dialects.Select(_ => "---"));
        Row(page, "largest payload", dialects.Select(dialect => Number(dialect.MaxPayload)));
        Row(page, "pages in one SET_PAGE_ACCESS", dialects.Select(dialect => Number(dialect.MaxPageAccessEntries)));
        Row(page, "message id of events", dialects.Select(MessageIds));
        Row(page, "message id of event replies", dialects.Select(dialect => Number(dialect.EventReplyId)));
        Row(page, "event replies name their vCPU", dialects.Select(dialect => dialect.RepliesNameVcpu ? "yes" : "no"));
        Row(page, "events are switched", dialects.Select(dialect => dialect.EventsAreMasks ? "as a whole set" : "one by one"));
        Row(page, "commands", dialects.Select(dialect => Number(dialect.Commands.Count)));
        Row(page, "events", dialects.Select(dialect => Number(dialect.Events.Count)));
        Ids(page, dialects);
        foreach (var dialect in dialects)
        {
            Dialect(page, dialect);
        }

        page.Append("\n## Error codes\n\nThe same in every dialect.\n\n| name | number | `KvmiError` |\n|---|---|---|\n");
        foreach (var error in ErrorCapability.All)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {error.Name} | {(int)error.Error} | {error.Error} |\n");
        }

        return page.ToString();
    }

    private static void Ids(StringBuilder page, IReadOnlyList<DialectCapabilities> dialects)
    {
        page.Append("\n## Command ids\n\n");
        Row(page, "`CommandKind`", dialects.Select(dialect => dialect.Name));
        Row(page, "---", dialects.Select(_ => "---"));
        foreach (var kind in Enum.GetValues<CommandKind>())
        {
            Row(page, kind.ToString(), dialects.Select(dialect =>
                dialect.Commands.FirstOrDefault(command => command.Kind == kind) is { } found ? Number(found.Id) : None));
        }

        page.Append("\n## Event ids\n\n");
        Row(page, "`EventKind`", dialects.Select(dialect => dialect.Name));
        Row(page, "---", dialects.Select(_ => "---"));
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            Row(page, kind.ToString(), dialects.Select(dialect =>
                dialect.Events.FirstOrDefault(entry => entry.Kind == kind) is { } found ? Number(found.Id) : None));
        }
    }

    private static void Dialect(StringBuilder page, DialectCapabilities dialect)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n## {dialect.Name}\n\n| id | command | of the | request | reply |\n|---|---|---|---|---|\n");
        foreach (var command in dialect.Commands)
        {
            var request = command.IsReserved ? "reserved number"
                : command.OldRequest is { } old ? $"{TextDialect.Length(command.Request)}; older builds {TextDialect.Length(old)}"
                : TextDialect.Length(command.Request);
            var reply = command.IsReserved ? None : TextDialect.Length(command.Reply);
            page.Append(CultureInfo.InvariantCulture, $"| {command.Id} | {command.Name} | {Scope(command.IsVcpuCommand)} | {request} | {reply} |\n");
        }

        page.Append("\n| id | event | of the | message | reply | answers | comes |\n|---|---|---|---|---|---|---|\n");
        foreach (var entry in dialect.Events)
        {
            var reply = entry.ReplyPayload is { } length ? Number(length) : None;
            page.Append(CultureInfo.InvariantCulture, $"| {entry.Id} | {entry.Name} | {Scope(!entry.IsVmEvent)} | {entry.Payload} | {reply} ")
                .Append(CultureInfo.InvariantCulture, $"| {TextDialect.Actions(entry)} | {TextDialect.SwitchedOnBy(dialect, entry)} |\n");
        }

        Lacks(page, "commands", dialect.MissingCommands.Select(kind => kind.ToString()));
        Lacks(page, "events", dialect.MissingEvents.Select(kind => kind.ToString()));
    }

    private static void Lacks(StringBuilder page, string what, IEnumerable<string> names)
    {
        var all = string.Join(", ", names);
        if (all.Length > 0)
        {
            page.Append(CultureInfo.InvariantCulture, $"\nLacks the {what} {all}.\n");
        }
    }

    private static void Row(StringBuilder page, string first, IEnumerable<string> cells) =>
        page.Append("| ").Append(first).Append(" | ").AppendJoin(" | ", cells).Append(" |\n");

    private static string MessageIds(DialectCapabilities dialect) =>
        string.Join(", ", dialect.Events.Select(entry => Number(entry.MessageId)).Distinct());

    private static string Scope(bool isVcpu) => isVcpu ? "vCPU" : "VM";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
