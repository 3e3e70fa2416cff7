using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Rules;
using Kvmi.Policy.Engine.Configuration.Schema;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>
/// Loads one policy file: bytes, then YAML, then structure (policy-schema.yaml), then meaning. A step runs only when the one
/// before found no error. Bad input of any kind gives findings and no exception. Stateless; safe for any thread.
/// </summary>
public static class PolicyFileLoader
{
    /// <summary>Loads a policy file.</summary>
    /// <param name="policyFile">Path of the file, as findings shall show it.</param>
    /// <param name="options">What the host overrides.</param>
    public static PolicyLoadResult Load(string policyFile, PolicyLoadOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(policyFile);
        ArgumentNullException.ThrowIfNull(options);
        var findings = new FindingList(policyFile);
        var definition = Load(policyFile, options, findings);
        var ordered = findings.All
            .OrderBy(finding => finding.Location.Line == 0 && finding.Code == FindingCodes.TooManyFindings)
            .ThenBy(finding => finding.Location.Line)
            .ThenBy(finding => finding.Location.Column)
            .ToArray();
        return new PolicyLoadResult(findings.Errors > 0 ? null : definition, ordered);
    }

    private static PolicyDefinition? Load(string file, PolicyLoadOptions options, FindingList findings)
    {
        if (ReadBytes(file, options, findings) is not { } bytes || YamlReader.Read(bytes, findings) is not { } root)
        {
            return null;
        }

        new SchemaValidator(findings).Validate(root, PolicySchema.Root, "");
        return findings.Errors > 0 ? null : Read(new PolicyContext(file, root, options, findings));
    }

    private static byte[]? ReadBytes(string file, PolicyLoadOptions options, FindingList findings)
    {
        try
        {
            return options.Files.Read(file, YamlReader.LargestFile);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            findings.Error(0, 0, FindingCodes.CannotRead, $"The file cannot be read: {exception.Message}");
            return null;
        }
    }

    private static PolicyDefinition Read(PolicyContext context)
    {
        var missing = ParameterSection.Read(context);
        var subscriptions = SubscriptionSection.Read(context);
        var watches = WatchSection.Read(context);
        var standard = new PolicyErrorHandling(DecisionKind.Allow, 3, TimeSpan.FromMinutes(1));
        var mode = context.Spec["mode"]!.Text == "enforce" ? PolicyMode.Enforce : PolicyMode.Audit;
        var site = context.Options.Site.Find(context.Id);
        var policy = new PolicyDefinition
        {
            Id = context.Id,
            Version = context.Metadata["version"]!.Text,
            File = context.File,
            Title = context.Metadata["title"]?.Text ?? "",
            Description = context.Metadata["description"]?.Text.Trim() ?? "",
            Status = context.Metadata["status"]?.Text ?? "test",
            Severity = site?.Severity ?? SettingsSection.ReadSeverity(context),
            Tags = SettingsSection.Texts(context.Metadata["tags"]),
            Attack = SettingsSection.Texts(context.Metadata["attack"]),
            Owner = context.Metadata["owner"]?.Text ?? "",
            References = SettingsSection.Texts(context.Metadata["references"]),
            FalsePositives = SettingsSection.Texts(context.Metadata["falsePositives"]),
            Mode = context.Options.Mode ?? site?.Mode ?? mode,
            FileMode = mode,
            Priority = context.Spec["priority"] is { } priority ? (int)priority.Integer : 500,
            Requires = RequirementsSection.Read(context, subscriptions, watches),
            Target = SettingsSection.ReadTarget(context),
            Parameters = context.Parameters,
            MissingParameters = missing,
            Watch = watches,
            Subscriptions = subscriptions,
            Code = CodeSection.Read(context, subscriptions),
            Trust = context.Options.Untrusted || context.Spec["trust"]?.Text == "untrusted" ? PolicyTrust.Untrusted : PolicyTrust.Trusted,
            Budget = SettingsSection.ReadBudget(context),
            OnError = SettingsSection.ReadOnError(context, standard),
            State = SettingsSection.ReadState(context),
            Alerts = SettingsSection.ReadAlerts(context),
            Exceptions = ExceptionSection.Read(context, subscriptions),
            Tests = TestSection.Read(context),
            Location = context.At(context.Metadata["id"]!),
        };

        foreach (var rule in PolicyRules.All)
        {
            rule.Check(context, policy);
        }

        return policy;
    }
}
