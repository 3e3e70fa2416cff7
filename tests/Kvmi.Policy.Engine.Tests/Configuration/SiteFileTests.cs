using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Tests.Configuration;

public class SiteFileTests
{
    private const string Sub = "  subscriptions: [{ event: cr, handler: A }]\n";
    private const string Top = "  mode: audit\n  parameters: { top: { type: gpa, required: true, max: 0x10000 } }\n" + Sub;

    public static TheoryData<string, string> BadFiles => new()
    {
        { "policys: {}\n", "site.yaml:3:1: error KP0111: Unknown key 'policys' at the top of the file. (did you mean 'policies'?)" },
        { "policies: { P: { mode: audit } }\n", "site.yaml:3:13: error KP0111: The name 'P' in policies is not a policy id" },
        { "policies: { p: {} }\n", "site.yaml:3:16: error KP0116: policies.p: expected at least 1 key(s)." },
        { "policies: { p: { mode: enforced } }\n", "site.yaml:3:24: error KP0114: policies.p.mode: expected one of audit, enforce, found the string 'enforced'. (did you mean 'enforce'?)" },
        { "policies: { p: { enabled: no } }\n", "site.yaml:3:27: error KP0113: policies.p.enabled: expected true or false, found the string 'no'. (write true or false)" },
        { "policies: { p: { severity: hihg } }\n", "site.yaml:3:28: error KP0114:" },
        { "policies: { p: { parameters: { 9: 1 } } }\n", "site.yaml:3:32: error KP0111: The name '9' in policies.p.parameters is not a parameter name" },
        { "vms: [{ tags: [a] }]\n", "site.yaml:3:7: error KP0112: vms[0]: the key 'name' is missing." },
        { "vms: [{ name: a*b }]\n", "site.yaml:3:15: error KP0115:" },
        { "vms: [{ name: a, tags: [a b] }]\n", "site.yaml:3:25: error KP0115: vms[0].tags[0]: expected a word of letters" },
        { "sinks: []\n", "site.yaml:3:8: error KP0116: sinks: expected at least 1 element(s), found 0." },
        { "sinks: [console:x]\n", "site.yaml:3:9: error KP0115: sinks[0]: expected KIND[,OPTION=VALUE...]:TARGET with a kind of file, syslog, stream, webhook or plugin" },
        { "sinks: [{ file: x }]\n", "site.yaml:3:9: error KP0113: sinks[0]:" },
        { "sinks: [file:a, file:b, file:a]\n", "site.yaml:3:25: error KP0223: The sink 'file:a' is given twice. (keep one)" },
        { "sinks: [file:bad]\n", "site.yaml:3:9: error KP0346: The sink 'file:bad' cannot be: it is bad. (the letters are those of run --sink)" },
        { "vms: &x []\n", "site.yaml:3:6: error KP0106:" },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void A_bad_site_file_is_refused_with_its_place(string body, string finding)
    {
        var result = SiteText.Load(body);
        Assert.StartsWith(finding, Assert.Single(result.Findings).ToString(), StringComparison.Ordinal);
        Assert.True(result.HasErrors);
        Assert.Empty(result.Settings.Policies);
        Assert.Empty(result.Settings.Vms);
    }

    [Fact]
    public void Sinks_come_from_all_files_and_a_change_while_it_runs_is_told()
    {
        var files = new MemoryPolicyFiles().Add("a", SiteText.Head + "sinks: [file:a]\n").Add("b", SiteText.Head + "sinks:\n  - syslog,min=high:unix:/dev/log\n");
        var opened = SiteFileLoader.Load(["a", "b"], files, _ => null).Settings.Sinks;
        Assert.Equal([("file:a", "a:3:9"), ("syslog,min=high:unix:/dev/log", "b:4:5")], opened.Select(sink => (sink.Text, sink.Location.ToString())));

        files.Add("b", SiteText.Head + "sinks: [file:c]\n");
        var now = SiteFileLoader.Load(["a", "b"], files, _ => null).Settings;
        Assert.Equal(
            [
                "b:3:9: warning KP0347: The sink 'file:c' is not open yet: sinks are opened when the host starts. (restart the host)",
                "b: warning KP0347: The sink 'syslog,min=high:unix:/dev/log' is no longer asked for, and still open: sinks are opened when the host starts. (restart the host)",
            ],
            now.SinksThatWait(opened).Select(finding => finding.ToString()));
        Assert.Empty(now.SinksThatWait(now.Sinks));
    }

    [Fact]
    public void A_policy_file_is_no_site_file()
    {
        var result = SiteFileLoader.Load(["p"], new MemoryPolicyFiles().Add("p", PolicyText.Head + "  mode: audit\n" + Sub));
        Assert.Contains(result.Findings, finding => finding.ToString().StartsWith("p:2:7: error KP0114: kind: expected 'Site'", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_is_not_there_is_a_finding() =>
        Assert.Equal("KP0101", Assert.Single(SiteFileLoader.Load(["x"], new MemoryPolicyFiles()).Findings).Code);

    [Fact]
    public void A_site_gives_values_mode_and_severity_and_says_where()
    {
        var policy = PolicyText.MustLoadSpec(Top, With("policies:\n  p:\n    mode: enforce\n    severity: critical\n    parameters:\n      top: 0x8000\n"));
        Assert.Equal((PolicyMode.Enforce, PolicySeverity.Critical), (policy.Mode, policy.Severity));
        var top = policy.Parameters["top"];
        Assert.Equal((object)0x8000UL, top.Value);
        Assert.Equal((ParameterSource.Site, new SourceLocation("site.yaml", 8, 12)), (top.Source, top.ValueLocation));
        Assert.Equal("0x8000", top.ValueText);
    }

    [Fact]
    public void The_command_line_stands_above_the_site()
    {
        var options = With("policies: { p: { mode: enforce, parameters: { top: 1 } } }\n") with { Mode = PolicyMode.Audit };
        Assert.Equal(PolicyMode.Audit, PolicyText.MustLoadSpec(Top, options).Mode);
    }

    [Theory]
    [InlineData("0x20000", "site.yaml:3:37: error KP0212: Parameter top (gpa), the site's value: 131072 is above the largest value 0x10000.")]
    [InlineData("abc", "site.yaml:3:37: error KP0211: Parameter top (gpa), the site's value: expected a guest-physical address, a number without quotes, found the string 'abc'.")]
    public void A_value_that_does_not_fit_is_reported_in_the_site_file(string value, string finding)
    {
        var result = PolicyText.LoadSpec(Top, With($"policies: {{ p: {{ parameters: {{ top: {value} }} }} }}\n"));
        Assert.Equal(finding, Assert.Single(result.Findings).ToString());
        Assert.Null(result.Definition);
    }

    [Fact]
    public void An_unknown_parameter_is_reported_in_the_site_file()
    {
        var result = PolicyText.LoadSpec(Top, With("policies: { p: { parameters: { top: 1, tpo: 1 } } }\n"));
        Assert.Equal("site.yaml:3:45: error KP0245: p has no parameter 'tpo'. (did you mean 'top'?)", Assert.Single(result.Findings).ToString());
    }

    [Fact]
    public void An_unknown_policy_is_an_error_for_a_whole_set_and_a_warning_for_a_part_of_it()
    {
        var options = With("policies: { pp: { mode: audit } }\n") with { Files = Files("  mode: audit\n" + Sub) };
        var whole = PolicySetLoader.Load(["p"], options);
        Assert.Equal("site.yaml:3:13: error KP0246: There is no policy 'pp' among those that are loaded. (did you mean 'p'?)", Assert.Single(whole.Findings).ToString());
        var part = PolicySetLoader.Load(["p"], options with { PartialSet = true });
        Assert.Equal(FindingSeverity.Warning, Assert.Single(part.Findings).Severity);
        Assert.Single(part.Policies);
    }

    [Fact]
    public void A_policy_that_the_site_leaves_out_needs_no_values()
    {
        var set = PolicySetLoader.Load(["p"], With("policies: { p: { enabled: false } }\n") with { Files = Files(Top) });
        Assert.Equal("KP0213", Assert.Single(PolicySetLoader.Load(["p"], PolicyText.Options with { Files = Files(Top) }).Findings).Code);
        Assert.Empty(set.Findings);
        Assert.Empty(set.Policies);
        Assert.Equal("p", Assert.Single(set.Disabled).Id);
    }

    [Fact]
    public void A_later_file_stands_above_an_earlier_one_key_by_key()
    {
        var files = new MemoryPolicyFiles()
            .Add("1", SiteText.Head + "policies: { p: { mode: enforce, severity: low, parameters: { a: 1, b: 2 } } }\nvms: [{ name: x, tags: [t] }]\n")
            .Add("2", SiteText.Head + "policies: { p: { severity: high, parameters: { b: 3 } } }\nvms: [{ name: y }]\n");
        var settings = SiteFileLoader.Load(["1", "2"], files).Settings;
        var policy = settings.Find("p")!;
        Assert.Equal((PolicyMode.Enforce, PolicySeverity.High), (policy.Mode!.Value, policy.Severity!.Value));
        Assert.Equal([("a", "1"), ("b", "2")], policy.Parameters.Select(value => (value.Key, value.Value.Location.File)));
        Assert.Equal(["x", "y"], settings.Vms.Select(vm => vm.Name));
    }

    [Fact]
    public void Tags_become_names_of_vms()
    {
        const string Spec = "  mode: audit\n  target: { tags: [lab] }\n  exceptions: [{ name: x, when: { vm: { tag: kexec } }, expires: 2027-02-20, reason: y }]\n" + Sub;
        var policy = PolicyText.MustLoadSpec(Spec, With("vms:\n  - { name: a*, tags: [lab] }\n  - { name: b, tags: [lab, kexec] }\n  - { name: c, tags: [other] }\n"));
        Assert.Equal(["a*", "b"], policy.Target.TaggedNames!);
        Assert.Equal(["b"], policy.Exceptions[0].TaggedNames!);
    }

    [Fact]
    public void A_tag_that_no_vm_has_is_a_warning_and_holds_for_none()
    {
        var result = PolicyText.LoadSpec("  mode: audit\n  target: { tags: [lba] }\n" + Sub, With("vms: [{ name: a, tags: [lab] }]\n"));
        Assert.Equal("p/policy.yaml:8:20: warning KP0247: No VM of the site has the tag 'lba': this holds for none. (did you mean 'lab'?)", Assert.Single(result.Findings).ToString());
        Assert.Equal([], result.Definition!.Target.TaggedNames!);
    }

    [Fact]
    public void A_guest_of_another_system_is_named_with_the_reason()
    {
        var policy = PolicyText.MustLoadSpec(
            "  mode: audit\n  requires: { guest: { os: [linux, freebsd] } }\n" + Sub, With("vms: [{ name: a, os: Linux }, { name: w*, os: windows }, { name: x }]\n"));
        var (name, reason) = Assert.Single(policy.Requires.OtherGuests);
        Assert.Equal("w*", name);
        Assert.Equal("it is written for guests with os linux or freebsd (requires.guest), and the site says that this one has windows.", reason);
    }

    [Fact]
    public void The_shipped_example_fits_the_shipped_policies()
    {
        var site = SiteFileLoader.Load([Path.Combine(PolicyText.Shipped, "site.example.yaml")], DiskPolicyFileSource.Instance);
        Assert.Empty(site.Findings);
        var set = PolicySetLoader.Load([PolicyText.Shipped], PolicyText.Options with { Site = site.Settings });
        Assert.Empty(set.Findings);
        Assert.Equal("process-census", Assert.Single(set.Disabled).Id);
        Assert.Equal((object)0x140000000UL, set.Policies.Single(policy => policy.Id == "cr3-watch").Parameters["guestRamTop"].Value);
    }

    private static PolicyLoadOptions With(string site) => PolicyText.Options with { Site = SiteText.MustLoad(site) };

    private static MemoryPolicyFiles Files(string spec) => new MemoryPolicyFiles().Add(PolicyText.File, PolicyText.Head + spec).Add("p/a.csx", "");
}
