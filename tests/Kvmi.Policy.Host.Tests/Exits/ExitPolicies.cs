using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>Policies whose leases are looked for when the host is gone.</summary>
internal static class ExitPolicies
{
    /// <summary>Pages that hold bytes of <see cref="Holder"/>: a patch, and a breakpoint in a function that the guest does not call.</summary>
    public static readonly string[] PatchedPages = ["page 0x1102000 has other bytes", "page 0x7001000 has other bytes"];

    private const string HolderYaml = """
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata: { id: test.holder, version: 1.0.0, title: Holds one lease of every kind }
        spec:
          mode: enforce
          budget: { timeout: 450ms }
          watch:
            - { range: 0x7000000-0x7001000, access: r-x }
          subscriptions:
            - { event: cr, when: { cr: 3 }, handler: OnCr3 }
            - { event: msr, when: { msr: lstar }, handler: OnLstar }
            - { event: pf, when: { access: w, range: 0x7000000-0x7001000 }, handler: OnWrite }
            - { event: breakpoint, handler: OnBreakpoint }
        """;

    /// <summary>Writes the policy that holds traps of CR3 and LSTAR, rights of a page, a patch and a breakpoint, and says <c>holding</c> once it does.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="onCr3">What else it does at every CR3 write.</param>
    /// <returns>The folder of policies.</returns>
    public static string Holder(TestDirectory directory, string onCr3 = "")
    {
        directory.Write("policies/holder/policy.yaml", HolderYaml);
        directory.Write("policies/holder/holder.csx", $$"""
            var events = 0;

            Decision OnCr3(CrEvent e)
            {
                events++;
                if (events == 1)
                {
                    var patched = Memory.TryWritePhysical(0x7001000, new byte[] { 0xDE, 0xAD, 0xBE, 0xEF });
                    var breakpoint = Breakpoints.Set(0x1102000);
                    Alert("holding", new { patched, breakpoint });
                }

                {{onCr3}}
                return Allow;
            }

            Decision OnLstar(MsrEvent e) => Allow;
            Decision OnWrite(PageFaultEvent e) => Retry;
            Decision OnBreakpoint(BreakpointEvent e) => Allow;
            """);
        return Path.Combine(directory.Path, "policies");
    }
}
