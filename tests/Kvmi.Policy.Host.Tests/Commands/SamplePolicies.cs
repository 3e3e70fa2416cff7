namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>Small policies that tests write to disk, change and break.</summary>
internal static class SamplePolicies
{
    /// <summary>Folder of the policies that ship, beside the command.</summary>
    public static string Shipped { get; } = Path.Combine(CommandProcess.Directory, "policies");

    /// <summary>A policy with a script that sees every CR3 write.</summary>
    public const string Yaml = """
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata:
          id: test.counter
          version: 1.0.0
          title: Counts process switches
        spec:
          mode: audit
          subscriptions:
            - event: cr
              when: { cr: 3 }
              handler: OnCr3
        """;

    /// <summary>Its script; the alert tells which text of it is live, once.</summary>
    public static string Script(string alert) => $$"""
        var announced = false;

        Decision OnCr3(CrEvent e)
        {
            if (!announced)
            {
                announced = true;
                Alert("{{alert}}");
            }

            return Allow;
        }
        """;

    /// <summary>Writes the policy and gives the path of its script.</summary>
    public static string Write(TestDirectory directory, string alert)
    {
        directory.Write("policies/counter/policy.yaml", Yaml);
        return directory.Write("policies/counter/counter.csx", Script(alert));
    }
}
