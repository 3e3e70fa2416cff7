using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>An alert or a record of a policy.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Name">Its name.</param>
/// <param name="Severity">Severity of the policy.</param>
/// <param name="Mode">Mode of the policy.</param>
/// <param name="Fields">
/// Its fields by name, first letter in lower case. Unsigned numbers are <see cref="ulong"/>, signed ones <see cref="long"/>, bytes of guest memory
/// <see cref="byte"/> arrays; null where the policy had nothing.
/// </param>
public sealed record TestNotice(string Policy, string Name, PolicySeverity Severity, PolicyMode Mode, IReadOnlyDictionary<string, object?> Fields)
{
    internal static TestNotice Of(NoticeOutput notice)
    {
        // Two names that differ in the case of their first letter alone become one: the later one counts.
        var fields = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var field in notice.Fields)
        {
            fields[field.Name] = field.Value;
        }

        return new(notice.Policy, notice.Name, notice.Severity, notice.Mode, fields);
    }
}
