using Kvmi.Policy.Engine.Configuration;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>Bad files: where, which code, and what the message must say. The spec cases start on line 7 of the file.</summary>
public class BadPolicyTests
{
    private const string Sub = "  subscriptions: [{ event: cr, handler: A }]\n";

    public static TheoryData<string, string> Files => new()
    {
        { "", "p/policy.yaml: error KP0108: The file holds no policy" },
        { "# only a comment\n", "p/policy.yaml: error KP0108:" },
        { "a: b: c", "p/policy.yaml:1:5: error KP0104: This is no valid YAML" },
        { "a: [1, 2", "p/policy.yaml:2:1: error KP0104:" },
        { "a: 1\n---\nb: 2\n", "p/policy.yaml:2:1: error KP0107: A second document" },
        { "a: &x 1\nb: *x\n", "p/policy.yaml:1:4: error KP0106: Anchors" },
        { "a: *x\n", "p/policy.yaml:1:4: error KP0106: Aliases" },
        { "a: !!int 1\n", "p/policy.yaml:1:4: error KP0106: Tags ('tag:yaml.org,2002:int')" },
        { "<<: { a: 1 }\n", "p/policy.yaml:1:1: error KP0106: Merge keys" },
        { "a: 1\nb: 2\na: 3\n", "p/policy.yaml:3:1: error KP0109: The key 'a' stands here a second time. (keep one of them)" },
        { "[a]: 1\n", "p/policy.yaml:1:1: error KP0110: A key must be a word" },
        { "- a\n", "p/policy.yaml:1:1: error KP0113: the file: expected a mapping, found a list." },
        { "hello\n", "p/policy.yaml:1:1: error KP0113: the file: expected a mapping, found the string 'hello'." },
        { "apiVersion: kvmi.policy/v2\nkind: Policy\nmetadata: { id: p, version: 1.0.0 }\nspec: { mode: audit, subscriptions: [{ event: cr, handler: A }] }\n", "p/policy.yaml:1:13: error KP0114: apiVersion: expected 'kvmi.policy/v1'" },
        { "apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: p, version: 1.0.0 }\n", "p/policy.yaml:1:1: error KP0112: the file: the key 'spec' is missing." },
        { "apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: P_1, version: 1.0.0 }\nspec: { mode: audit, subscriptions: [{ event: cr, handler: A }] }\n", "p/policy.yaml:3:17: error KP0115: metadata.id: expected lower-case words" },
        { "apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: p, version: 1.0 }\nspec: { mode: audit, subscriptions: [{ event: cr, handler: A }] }\n", "p/policy.yaml:3:29: error KP0113: metadata.version: expected a semantic version such as 1.2.0, found the number 1.0. (put it in quotes)" },
        { "apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: p, version: 01.0.0 }\nspec: { mode: audit, subscriptions: [{ event: cr, handler: A }] }\n", "p/policy.yaml:3:29: error KP0115: metadata.version" },
        { "apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: p, version: 1.0.0, status: experimental }\nspec: { mode: enforce, subscriptions: [{ event: cr, handler: A }] }\n", "p/policy.yaml:3:44: error KP0221: An experimental policy" },
        { "apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: p, version: 1.0.0, attack: [1014] }\nspec: { mode: audit, subscriptions: [{ event: cr, handler: A }] }\n", "p/policy.yaml:3:45: error KP0113: metadata.attack[0]" },
    };

    public static TheoryData<string, string> Specs => new()
    {
        // Structure.
        { "  modee: audit\n" + Sub, ":7:3: error KP0111: Unknown key 'modee' in spec. (did you mean 'mode'?)" },
        { Sub, ":7:3: error KP0112: spec: the key 'mode' is missing." },
        { "  mode: audti\n" + Sub, ":7:9: error KP0114: spec.mode: expected one of audit, enforce, found the string 'audti'. (did you mean 'audit'?)" },
        { "  mode: audit\n  priority: high\n" + Sub, ":8:13: error KP0113: spec.priority: expected an integer, found the string 'high'." },
        { "  mode: audit\n  priority: \"100\"\n" + Sub, ":8:13: error KP0113: spec.priority: expected an integer, found the string '100'. (a number in quotes is a string: remove the quotes)" },
        { "  mode: audit\n  priority: -1\n" + Sub, ":8:13: error KP0116: spec.priority: expected a number from 0 to 1000000, found -1." },
        { "  mode: audit\n  subscriptions: []\n", ":8:18: error KP0116: spec.subscriptions: expected at least 1 element(s), found 0." },
        { "  mode: audit\n  subscriptions: { event: cr }\n", ":8:18: error KP0113: spec.subscriptions: expected a list, found a mapping. (write a list: [a, b])" },
        { "  mode: audit\n  subscriptions: [{ event: mrs, handler: A }]\n", ":8:28: error KP0114: spec.subscriptions[0].event: expected one of cr, msr, pf, breakpoint, descriptor, hypercall, xsetbv, singlestep, trap, create-vcpu, cpuid, found the string 'mrs'. (did you mean 'msr'?)" },
        { "  mode: audit\n  subscriptions: [{ event: cr, handler: 9A }]\n", ":8:41: error KP0115: spec.subscriptions[0].handler: expected the name of a method" },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { cr: 2 }, handler: A }]\n", ":8:44: error KP0114: spec.subscriptions[0].when.cr: expected one of 0, 3, 4, found the number 2." },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { changed: yes }, handler: A }]\n", ":8:49: error KP0113: spec.subscriptions[0].when.changed: expected true or false, found the string 'yes'. (write true or false)" },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { cpl: 4 }, handler: A }]\n", ":8:45: error KP0116:" },
        { "  mode: audit\n  requires: { commands: [control_msr] }\n" + Sub, ":8:26: error KP0114: spec.requires.commands[0]: expected one of the known words, found the string 'control_msr'. (did you mean 'control-msr'?)" },
        { "  mode: audit\n  watch: [{ range: 0x1000-0x2000, access: rx }]\n" + Sub, ":8:43: error KP0114: spec.watch[0].access: expected one of none, ---, r--, rw-, r-x, --x, found the string 'rx'. (did you mean 'r-x'?)" },
        { "  mode: audit\n  onError: { quarantineAfter: 3 }\n" + Sub, ":8:31: error KP0113: spec.onError.quarantineAfter: expected a number of errors and a time, such as 3/1m, or never" },
        { "  mode: audit\n  parameters: { 9x: { type: int, default: 1 } }\n" + Sub, ":8:17: error KP0111: The name '9x' in spec.parameters is not a parameter name" },
        { "  mode: audit\n  parameters: { x: { type: integer, default: 1 } }\n" + Sub, ":8:28: error KP0114: spec.parameters.x.type" },
        { "  mode: audit\n  target: {}\n" + Sub, ":8:11: error KP0116: spec.target: expected at least 1 key(s)." },

        // Subscriptions and filters.
        { "  mode: audit\n  subscriptions: [{ event: cr }]\n", ":8:19: error KP0204: Nothing decides here." },
        { "  mode: audit\n  subscriptions: [{ event: cr, handler: A, then: { decision: allow } }]\n", ":8:19: error KP0204: A handler and a then" },
        { "  mode: audit\n  subscriptions: [{ event: msr, when: { msr: lstar, gpa: 1 }, handler: A }]\n", ":8:53: error KP0201: The filter 'gpa' belongs to pf and breakpoint events and can never match msr." },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { cr: 3 }, handler: A }]\n", ":8:40: error KP0201: The filter 'cr' belongs to cr events" },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { changed: false }, handler: A }]\n", ":8:49: error KP0202:" },
        { "  mode: audit\n  subscriptions: [{ event: msr, handler: A }]\n", ":8:19: error KP0203: A subscription to msr events names its MSRs." },
        { "  mode: audit\n  subscriptions: [{ event: msr, when: { msr: lstr }, handler: A }]\n", ":8:46: error KP0203: There is no MSR of the name 'lstr' here. (did you mean 'lstar'?)" },
        { "  mode: audit\n  subscriptions: [{ event: msr, when: { msr: 0x2000 }, handler: A }]\n", ":8:46: error KP0203: MSR 0x2000 cannot be intercepted" },
        { "  mode: audit\n  subscriptions: [{ event: msr, when: { msr: { first: 0x1000, last: 0xc0000000 } }, handler: A }]\n", ":8:46: error KP0203: The range of MSRs 0x1000 to 0xc0000000" },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { gpa: \"0x1000\" }, handler: A }]\n", ":8:45: error KP0115: Expected a number, $parameter or a range such as 0x1000-0x2000, found the string '0x1000'. (a number in quotes is a string: remove the quotes)" },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { gpa: 0x2000-0x2000 }, handler: A }]\n", ":8:45: error KP0115:" },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { gpa: { from: 2, last: 3 } }, handler: A }]\n", ":8:45: error KP0115: Expected { from, to }" },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { gpa: 1, range: 1 }, handler: A }]\n", ":8:45: error KP0223: gpa and range mean the same." },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { range: $rangs }, handler: A }]\n  parameters: { ranges: { type: gpa-range, default: 0-1 } }\n", ":8:47: error KP0215: There is no parameter 'rangs'. (did you mean 'ranges'?)" },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { range: $s }, handler: A }]\n  parameters: { s: { type: string, default: a } }\n", ":8:47: error KP0215: The parameter s is a string; addresses, numbers or ranges are needed here." },
        { "  mode: audit\n  subscriptions: [{ event: pf, when: { range: $s }, handler: A }]\n  parameters: { s: { type: list<gpa>, default: [] } }\n", ":8:47: error KP0202: The parameter s is an empty list, so nothing can match." },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { setBits: bit }, handler: A }]\n", ":8:49: error KP0235: Expected a bit mask" },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { cr: 4, clearedBits: [smap, smepp] }, handler: A }]\n", ":8:67: error KP0235: The register has no bit of the name 'smepp'" },
        { "  mode: audit\n  subscriptions: [{ event: msr, when: { msr: [efer, lstar], setBits: nxe }, handler: A }]\n", ":8:70: error KP0235: Expected a bit mask" },
        { "  mode: audit\n  subscriptions: [{ event: trap, when: { vector: { first: 32, last: 255 } }, handler: A }]\n", ":8:40: error KP0202: No event can match: exceptions have the vectors 0 to 31." },
        { "  mode: audit\n  target: { vcpus: [0, 1] }\n  subscriptions: [{ event: cr, when: { vcpu: 2 }, handler: A }]\n", ":9:38: error KP0202: No event can match: the vCPUs of the filter" },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { cr: 4, setBits: smep, clearedBits: smep }, handler: A }]\n", ":8:38: error KP0202: No event can match: one bit cannot be set and cleared" },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { cr: 4, setBits: smep, new: [0, 0x20] }, handler: A }]\n", ":8:38: error KP0202: No event can match: none of the new values" },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { cr: 0, clearedBits: wp, new: 0x80010033 }, handler: A }]\n", ":8:38: error KP0202: No event can match: every new value keeps" },
        { "  mode: audit\n  watch: [{ range: 0x1000-0x2000, access: r-x }]\n  subscriptions: [{ event: pf, when: { gpa: 0x2000-0x3000 }, then: { decision: allow } }]\n", ":9:38: error KP0202: No event can match: none of its addresses" },
        { "  mode: audit\n  watch: [{ range: 0x1000-0x2000, access: r-x }]\n  subscriptions: [{ event: pf, when: { access: x }, then: { decision: allow } }]\n", ":9:38: error KP0202: No event can match: the watches forbid none" },
        { "  mode: audit\n  subscriptions: [{ event: singlestep, when: { vector: 3 }, handler: A }]\n", ":8:48: error KP0201: The filter 'vector' belongs to trap events" },
        { "  mode: audit\n  trust: untrusted\n  script: { inline: \"x\" }\n  subscriptions: [{ event: singlestep, handler: A }]\n", ":10:28: error KP0236: An untrusted policy cannot single-step" },
        { "  mode: audit\n  subscriptions: [{ event: singlestep, then: { decision: keep } }]\n", ":8:58: error KP0205: The decision keep cannot answer singlestep events." },
        { "  mode: audit\n  subscriptions: [{ event: cr, when: { setBits: $m }, handler: A }]\n  parameters: { m: { type: int, default: 0 } }\n", ":8:49: error KP0215: The parameter m is no bit mask" },

        // Decisions.
        { "  mode: enforce\n  subscriptions: [{ event: pf, then: { decision: keep } }]\n", ":8:50: error KP0205: The decision keep cannot answer pf events. (possible here: allow, retry, crash)" },
        { "  mode: enforce\n  subscriptions: [{ event: cr, then: { decision: set } }]\n", ":8:50: error KP0205: The decision set needs a handler" },
        { "  mode: enforce\n  onError: { decision: keep }\n  subscriptions: [{ event: pf, handler: A }]\n", ":8:24: error KP0206: onError: keep cannot answer pf events" },
        { "  mode: audit\n  onError: { decision: keep }\n" + Sub, ":8:24: warning KP0207: An audit policy never fails closed: its error will be allow, not keep." },

        // Scripts and paths.
        { "  mode: audit\n  script: { file: b.csx }\n" + Sub, ":8:19: error KP0208: The script 'b.csx' does not exist in the policy's folder. (did you mean 'a.csx'?)" },
        { "  mode: audit\n  script: { file: a.cs }\n" + Sub, ":8:19: error KP0208: The script 'a.cs' is no .csx file." },
        { "  mode: audit\n  script: { file: ../p/a.csx }\n" + Sub, ":8:19: error KP0210: The path '../p/a.csx' does not stay in the policy's folder." },
        { "  mode: audit\n  script: { file: /p/a.csx }\n" + Sub, ":8:19: error KP0210:" },
        { "  mode: audit\n  script: { file: a.csx, inline: x }\n" + Sub, ":8:11: error KP0209: A script is one of" },
        { "  mode: audit\n  script: { plugin: a }\n" + Sub, ":8:11: error KP0209:" },

        // Parameters.
        { "  mode: audit\n  parameters: { x: { type: int, default: \"1\" } }\n" + Sub, ":8:42: error KP0211: Parameter x (int), its default: expected a 64-bit signed integer, found the string '1'." },
        { "  mode: audit\n  parameters: { x: { type: int, default: 5, max: 4 } }\n" + Sub, ":8:42: error KP0212: Parameter x (int), its default: 5 is above the largest value 4." },
        { "  mode: audit\n  parameters: { x: { type: int, default: 5, min: 9, max: 4 } }\n" + Sub, ":8:50: error KP0212: Parameter x: min is above max" },
        { "  mode: audit\n  parameters: { x: { type: string, default: a, max: 4 } }\n" + Sub, ":8:53: error KP0212: Parameter x: a string has no min and max." },
        { "  mode: audit\n  parameters: { x: { type: int } }\n" + Sub, ":8:17: error KP0213: Parameter x has neither a default" },
        { "  mode: audit\n  parameters: { x: { type: int, required: true } }\n" + Sub, ":8:17: error KP0213: Required parameter x (int) has no value. (give it a default here, or a value for p/x in the site's settings)" },
        { "  mode: audit\n  parameters: { x: { type: list<gpa>, default: 1 } }\n" + Sub, ":8:48: error KP0211: Parameter x (list<gpa>), its default: expected a list" },
        { "  mode: audit\n  parameters: { x: { type: gpa-range, default: 0x2000-0x1000 } }\n" + Sub, ":8:48: error KP0211: Parameter x (gpa-range), its default: expected a half-open range" },
        { "  mode: audit\n  parameters: { x: { type: sha256, default: abc } }\n" + Sub, ":8:45: error KP0211:" },
        { "  mode: audit\n  parameters: { x: { type: duration, default: 5 } }\n" + Sub, ":8:47: error KP0211: Parameter x (duration), its default: expected a duration such as 10m, found 5." },

        // Watches.
        { "  mode: audit\n  watch: [{ range: 0x1000-0x1800, access: r-x }]\n  subscriptions: [{ event: pf, handler: A }]\n", ":8:20: error KP0216: The watched range 0x1000 to 0x17ff" },
        { "  mode: audit\n  watch: [{ range: 0-0x100000000, access: r-x }]\n  subscriptions: [{ event: pf, handler: A }]\n", ":8:20: error KP0217: The policy watches more than 262144 pages" },
        { "  mode: audit\n  watch: [{ range: 0x1000-0x2000, access: r-x }]\n" + Sub, ":8:10: warning KP0218: Pages are watched" },

        // Exceptions, requirements.
        { "  mode: audit\n  exceptions: [{ name: x, when: { new: 1 }, expires: 2026-11-20, reason: y }]\n" + Sub, ":8:54: error KP0219: The exception 'x' has expired on 2026-11-20." },
        { "  mode: audit\n  exceptions: [{ name: x, when: { new: 1 }, expires: 2026-11-30, reason: y }]\n" + Sub, ":8:54: warning KP0220: The exception 'x' expires in 9 day(s)" },
        { "  mode: audit\n  exceptions: [{ name: x, when: { new: 1 }, expires: 2026-02-30, reason: y }]\n" + Sub, ":8:54: error KP0115: There is no day '2026-02-30'." },
        { "  mode: audit\n  exceptions: [{ name: x, when: { gva: 1 }, expires: 2027-02-20, reason: y }]\n" + Sub, ":8:35: error KP0201: The filter 'gva' belongs to pf events and can never match cr." },
        { "  mode: audit\n  exceptions: [{ name: x, when: {}, expires: 2027-02-20, reason: y }]\n" + Sub, ":8:33: error KP0116:" },
        { "  mode: audit\n  requires: { commands: [control-events] }\n" + Sub, ":8:25: warning KP0224: The command control-cr is missing here, and subscriptions to cr need it; it counts as required. (add it)" },
        { "  mode: audit\n  requires: { optional: [control-cr] }\n" + Sub, ":8:25: error KP0224: The command control-cr is not optional" },

        // Tests.
        { "  mode: audit\n  tests: [{ name: x }]\n" + Sub, ":8:11: error KP0227: A test has either steps or a trace." },
        { "  mode: audit\n  tests: [{ name: x, steps: [{ event: cr, with: { cr: 3, new: 1, gpa: 2 } }] }]\n" + Sub, ":8:66: error KP0222: A cr event has no field 'gpa'." },
        { "  mode: audit\n  tests: [{ name: x, steps: [{ event: cr, with: { cr: 3 } }] }]\n" + Sub, ":8:49: error KP0222: A cr event needs the field 'new'." },
        { "  mode: audit\n  tests: [{ name: x, steps: [{ event: cr, with: { cr: 3, new: 1 }, expect: { decision: retry } }] }]\n" + Sub, ":8:88: error KP0222: The decision retry can never be the answer to a cr event." },
        { "  mode: audit\n  tests: [{ name: x, parameters: { y: 1 }, steps: [{ event: cr, with: { cr: 3, new: 1 } }] }]\n" + Sub, ":8:36: error KP0214: p has no parameter 'y'." },
        { "  mode: audit\n  tests: [{ name: x, memory: [{ gpa: 0, bytes: \"9 0\" }], steps: [{ event: cr, with: { cr: 3, new: 1 } }] }]\n" + Sub, ":8:48: error KP0115: spec.tests[0].memory[0].bytes: expected pairs of hexadecimal digits" },
        { "  mode: audit\n  tests: [{ name: x, memory: [{ gpa: 0 }], steps: [{ event: cr, with: { cr: 3, new: 1 } }] }]\n" + Sub, ":8:31: error KP0227: A block of memory has either file or bytes." },
        { "  mode: audit\n  tests: [{ name: x, memory: [{ gpa: 0, file: m.bin }], steps: [{ event: cr, with: { cr: 3, new: 1 } }] }]\n" + Sub, ":8:47: warning KP0307: This test cannot run: the file 'm.bin' does not exist in the policy's folder." },
        { "  mode: audit\n  tests: [{ name: x, trace: t.hex }]\n" + Sub, ":8:29: warning KP0307: This test cannot run: the trace 't.hex'" },
        { "  mode: audit\n  tests: [{ name: x, trace: t.kvmitrace }]\n" + Sub, ":8:29: warning KP0306:" },

        // Rates.
        { "  mode: audit\n  budget: { rate: { limit: 0/s } }\n" + Sub, ":8:28: error KP0115: spec.budget.rate.limit: expected a number of calls and a unit of time: 20000/s, 500/m, 10/h" },
        { "  mode: audit\n  budget: { rate: { limit: 5/d } }\n" + Sub, ":8:28: error KP0115: spec.budget.rate.limit" },
        { "  mode: audit\n  budget: { rate: { onExceed: sample } }\n" + Sub, ":8:19: error KP0112:" },
        { "  mode: audit\n  budget: { rate: { limit: 5/s, onExceed: drop } }\n" + Sub, ":8:43: error KP0114:" },
        { "  mode: audit\n  budget: { rate: { limit: 5/s, onExceed: release } }\n" + Sub, ":8:43: error KP0229: onExceed: release gives back guarded pages, and this policy has none" },
        { "  mode: enforce\n  budget: { rate: { limit: 5/s, onExceed: sample } }\n" + Sub, ":8:43: warning KP0230: In enforce mode onExceed: sample is a hole that the guest can force" },
        { "  mode: enforce\n  budget: { rate: { limit: 5/s, onExceed: disarm } }\n" + Sub, ":8:43: warning KP0230:" },

        // Time-outs.
        { "  mode: audit\n  budget: { timeout: 0ms }\n" + Sub, ":8:22: error KP0116: A vCPU waits longer than 0 and at most 500ms for its policies; '0ms' is no time-out." },
        { "  mode: audit\n  budget: { timeout: 501ms }\n" + Sub, ":8:22: error KP0116: A vCPU waits" },
        { "  mode: enforce\n  budget: { onTimeout: retry }\n" + Sub, ":8:24: error KP0206: onTimeout: retry cannot answer cr events" },
        { "  mode: audit\n  budget: { onTimeout: keep }\n" + Sub, ":8:24: warning KP0207: An audit policy never fails closed: its time-out will be allow, not keep." },
        { "  mode: audit\n  budget: { timeout: 1 }\n" + Sub, ":8:22: error KP0113: spec.budget.timeout" },
        { "  mode: audit\n  alerts: { throttle: 5/s }\n" + Sub, ":8:13: warning KP0302:" },
        { "  mode: audit\n  requires: { guest: { os: linux } }\n" + Sub, ":8:24: warning KP0303: spec.requires.guest.os" },
        { "  mode: audit\n  requires: { dialect: v9 }\n" + Sub, ":8:24: error KP0" },
        { "  mode: audit\n  requires: { dialect: [v7, v6] }\n" + Sub, ":8:29: error KP0" },
        { "  mode: audit\n  exceptions: [{ name: x, when: { vm: { tag: lab } }, expires: 2027-02-20, reason: y }]\n" + Sub, ":8:41: warning KP0304:" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void A_bad_file_gives_one_clear_error(string text, string expected)
    {
        var result = PolicyText.Load(text);
        Assert.Null(result.Definition);
        Assert.Contains(result.Findings, finding => finding.ToString().StartsWith(expected, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Specs))]
    public void A_bad_spec_gives_its_finding_at_its_place(string spec, string expected)
    {
        var result = PolicyText.LoadSpec(spec);
        var isWarning = expected.Contains(": warning ", StringComparison.Ordinal);
        Assert.Equal(isWarning, result.Definition is not null);
        var lines = string.Join('\n', result.Findings);
        Assert.True(
            result.Findings.Any(finding => finding.ToString().StartsWith(PolicyText.File + expected, StringComparison.Ordinal)),
            $"expected {expected}\nfound {lines}");
    }

    [Fact]
    public void Bytes_that_are_no_text_are_shown_with_their_place()
    {
        foreach (var bad in new byte[] { 0, 0xff })
        {
            var files = new MemoryPolicyFiles().Add(PolicyText.File, [.. "a: 1\nb: "u8, bad, .. "\n"u8]);
            var result = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = files });
            Assert.StartsWith("p/policy.yaml:2:4: error KP0103:", Assert.Single(result.Findings).ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_that_is_not_there_is_a_finding() =>
        Assert.Equal("KP0101", Assert.Single(PolicyFileLoader.Load("nowhere/policy.yaml", PolicyText.Options).Findings).Code);

    [Fact]
    public void No_script_and_several_scripts_are_errors()
    {
        var text = PolicyText.Head + "  mode: audit\n" + Sub;
        var none = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = new MemoryPolicyFiles().Add(PolicyText.File, text) });
        Assert.Equal("KP0208", Assert.Single(none.Findings).Code);
        var files = new MemoryPolicyFiles().Add(PolicyText.File, text).Add("p/a.csx", "").Add("p/b.csx", "");
        var several = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = files });
        Assert.Equal("KP0209", Assert.Single(several.Findings).Code);
    }

    [Fact]
    public void Overrides_are_checked_like_defaults()
    {
        const string Spec = "  mode: audit\n  parameters: { size: { type: int, default: 1, max: 9 } }\n" + Sub;
        Assert.Equal("KP0214", Assert.Single(PolicyText.LoadSpec(Spec, With("siez", 1)).Findings).Code);
        Assert.Equal("KP0212", Assert.Single(PolicyText.LoadSpec(Spec, With("size", 10)).Findings).Code);
        Assert.Equal("KP0211", Assert.Single(PolicyText.LoadSpec(Spec, With("size", "1")).Findings).Code);
    }

    [Fact]
    public void All_errors_of_one_step_are_reported_together_in_the_order_of_the_file()
    {
        var result = PolicyText.LoadSpec("  modee: audit\n  priority: x\n" + Sub);
        Assert.Equal(["KP0111", "KP0112", "KP0113"], result.Findings.Select(finding => finding.Code));
    }

    private static PolicyLoadOptions With(string name, object value) => PolicyText.Options with
    {
        ParameterOverrides = new Dictionary<string, IReadOnlyDictionary<string, object>> { ["p"] = new Dictionary<string, object> { [name] = value } },
    };
}
