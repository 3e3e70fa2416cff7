using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Sinks;
using Kvmi.Protocol.Dialects.Capabilities;
using Kvmi.Protocol.Events;
using Kvmi.Protocol;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Faults;
using Kvmi.Simulator;

namespace Kvmi.Policy.Host.Tests.Output;

/// <summary>One record of every kind, with hostile text in it: what the golden files hold.</summary>
internal static class SampleRecords
{
    private static readonly DateTimeOffset Time = new(2026, 3, 1, 12, 30, 45, 123, TimeSpan.Zero);

    // No dialect of this build: the golden files hold the form of the lines, dialects.md what there is.
    private static readonly DialectCapabilities Dialect = new()
    {
        Dialect = KvmiDialect.V7,
        Name = "v0",
        MaxPayload = 8184,
        MaxPageAccessEntries = 511,
        EventsAreMasks = true,
        RepliesNameVcpu = false,
        EventReplyId = 3,
        Commands =
        [
            new CommandCapability
            {
                Kind = CommandKind.ChangeGfn, Id = 60, Name = "CHANGE_GFN", IsVcpuCommand = true, ReturnsData = false, IsReserved = false,
                Request = new PayloadLength(8, 8184, 16), OldRequest = new PayloadLength(24, 24, 0), Reply = new PayloadLength(8, 4104, 1),
            },
            new CommandCapability
            {
                Kind = CommandKind.ControlVe, Id = 12, Name = "CONTROL_VE", IsVcpuCommand = false, ReturnsData = false, IsReserved = true,
                Request = default, Reply = new PayloadLength(8, 8, 0),
            },
        ],
        Events =
        [
            new EventCapability
            {
                Kind = EventKind.Cr, Id = 1, Name = "CR", MessageId = 1, IsVmEvent = false, SwitchedOnBy = CommandKind.ChangeGfn,
                Actions = [EventAction.Continue, EventAction.Crash], Payload = 568, ReplyPayload = 24,
            },
            new EventCapability { Kind = EventKind.Unhook, Id = 0, Name = "UNHOOK", MessageId = 0, IsVmEvent = true, Actions = [], Payload = 8 },
        ],
        Errors = [new ErrorCapability(KvmiError.NotPermitted, "KVM_EPERM")],
        MissingCommands = [CommandKind.GetVersion, CommandKind.GetXcr],
        MissingEvents = [EventKind.PageFault],
    };

    public static IReadOnlyList<OutputRecord> All { get; } =
    [
        new DecisionOutput
        {
            Time = Time, Vm = "web01", Vcpu = 1, Event = EventKind.Msr, Rip = 0xffffffffc0a01200, Policy = "t0.lstar-lock", Decision = DecisionKind.Keep,
            Value = 0xffffffff81e00080, Wanted = 0xffffffffc0a01000, Subject = "msr 0xc0000082", Reason = "keep by t0.lstar-lock",
        },
        new DecisionOutput
        {
            Time = Time, Vm = "web01", Vcpu = 0, Event = EventKind.PageFault, Rip = 0x1000, Policy = "t0.wx-guard", Decision = DecisionKind.Allow,
            Subject = "gpa 0x1005000 x", WouldHave = DecisionKind.Inject, Reason = "audit",
        },
        new NoticeOutput
        {
            Time = Time, Vm = "name\u001b[31m\u202e\\x41", IsAlert = true, Policy = "t0.lstar-lock", Name = "lstar-hijack", Severity = PolicySeverity.High,
            Mode = PolicyMode.Enforce, Vcpu = 1, Event = EventKind.Msr,
            Fields =
            [
                new OutputField("vcpu", 1L), new OutputField("new", 0xffffffffc0a01000), new OutputField("writer", new byte[] { 0x0f, 0x30 }),
                new OutputField("target", null), new OutputField("text", "line\nbreak\u0007 \"quoted\""), new OutputField("ratio", 0.5),
                new OutputField("nan", double.NaN), new OutputField("hot", true),
            ],
        },
        new NoticeOutput
        {
            Time = Time, Vm = "web01", IsAlert = false, Policy = "t0.cr3-watch", Name = "new-root", Severity = PolicySeverity.Low, Mode = PolicyMode.Audit,
            Fields = [new OutputField("root", 0x2000UL), new OutputField("total", 3L)],
        },
        new SuppressedAlertsOutput
        {
            Time = Time, Vm = "web01", Policy = "t0.cr3-watch", Name = "cr3-outside-ram", Severity = PolicySeverity.Medium, Mode = PolicyMode.Audit, Count = 12,
            Window = TimeSpan.FromMinutes(10), IsThrottle = false, Fields = [new OutputField("root", 0x90000000UL), new OutputField("text", "\u001b[31m\u2028")],
        },
        new SuppressedAlertsOutput
        {
            Time = Time, Vm = "web01", Policy = "t0.cr3-watch", Name = "(others)", Severity = PolicySeverity.High, Mode = PolicyMode.Enforce, Count = 1,
            Window = TimeSpan.FromSeconds(1.5), IsThrottle = true,
        },
        new StatusOutput { Time = Time, Vm = "web01", Status = "connected", Message = "web01 is attached.", Fields = [new OutputField("vcpus", 2L), new OutputField("events", "cr msr")] },
        new StatusOutput { Time = Time, Status = "reload-failed", Policy = "t0.lstar-lock", Message = "The script does not compile; the old one stays." },
        new TestOutput { Time = Time, Policy = "t0.lstar-lock", Test = "hijack is undone", Passed = true, Location = new SourceLocation("policies/lstar-lock/policy.yaml", 40, 7) },
        new TestOutput
        {
            Time = Time, Policy = "t0.lstar-lock", Test = "wrong", Passed = false, Location = new SourceLocation("policies/lstar-lock/policy.yaml", 44, 7),
            Failures = ["decision: expected keep, got allow"], Step = 1, Seen = ["decision allow 0x1000; no subscription matched", "alert odd text=\u001b[2J"],
            Elapsed = TimeSpan.FromMicroseconds(1234.5),
        },
        new ListedTestOutput
        {
            Time = Time, Policy = "t0.lstar-lock", Test = "hijack is undone", Location = new SourceLocation("policies/lstar-lock/policy.yaml", 40, 7),
        },
        new CoverageOutput
        {
            Time = Time, Header = "coverage  policy", Text = "coverage  t0.lstar-lock",
            Coverage = new PolicyCoverage(
                "t0.lstar-lock",
                [new HandlerCoverage("OnLstar", EventKind.Msr, new SourceLocation("policies/lstar-lock/policy.yaml", 20, 7), 0)],
                [new FileCoverage("policies/lstar-lock/lstar-lock.csx", [new LineCoverage(3, 2, 2, 1), new LineCoverage(4, 1, 0, 0)])],
                null),
        },
        new CoverageOutput
        {
            Time = Time, Text = "coverage  process-census", Coverage = new PolicyCoverage("process-census", [], [], "a plugin"),
        },
        new FindingOutput
        {
            Time = Time,
            Finding = new Finding(new SourceLocation("p/policy.yaml", 3, 5), FindingSeverity.Error, "KP1001", "Unknown key 'prioritty'.", "did you mean 'priority'?"),
        },
        new FindingOutput
        {
            Time = Time,
            Finding = new Finding(new SourceLocation("expression-1", 1, 7), FindingSeverity.Error, "CS1061", "no definition"),
            Excerpt = ["  cr[3] \u001b[2J", "      ^"],
        },
        new CountsOutput
        {
            Time = Time,
            Vm = "web\u001b[2J01",
            Summary = new CountSummary(
                "watch-1", "web\u001b[2J01", "new & 0xfff", 1000, 4096, 3, TimeSpan.FromSeconds(2),
                [new KeyCount(0x1000, 900, 0, Time, Time.AddSeconds(2)), new KeyCount(ulong.MaxValue, 5, 3, Time.AddSeconds(1), Time.AddSeconds(2))]),
        },
        new CheckOutput
        {
            Time = Time,
            Finding = new DoctorFinding("listen", DoctorStatus.Failure, "Cannot listen on unix:/run/\u001b[2J: the folder does not exist.", "Create it.")
            {
                Fields = [new OutputField("endpoint", "unix:/run/\u001b[2J")],
            },
        },
        new CheckOutput { Time = Time, Finding = new DoctorFinding("clock", DoctorStatus.Ok, "The clocks agree.") },
        new MessageOutput
        {
            Time = Time, Milliseconds = 719.46, Direction = "kernel-to-tool", Id = 1, Name = "CR", Role = "event", Sequence = 2, Vcpu = 0, Event = "cr", Line = 9,
            Fields = [new OutputField("cr", 3L), new OutputField("new_value", 0x1c0a000UL), new OutputField("regs", new List<OutputField> { new("rip", 0x10UL) })],
        },
        new MessageOutput { Time = Time, Direction = "tool-to-kernel", Id = 9, Name = "CONTROL_EVENTS", Role = "commandReply", Sequence = 217, Error = -22, Line = 2 },
        new MessageOutput { Time = Time, Direction = "tool-to-kernel", Id = 77, Name = "unknown", Role = "command", Sequence = 3, Line = 11, Offset = 0, Reason = "No message has the id 77." },
        new ReplayOutput
        {
            Time = Time, Vcpu = 0, Event = EventKind.Cr, Sequence = 2, Subject = "cr3", Decision = DecisionKind.Allow, Value = 0x1c0a000, Match = "bytes",
            RecordedAction = EventAction.Continue, RecordedValue = 0x1c0a000, Reason = "",
        },
        new ReplayOutput { Time = Time, Vcpu = 0, Event = EventKind.Cr, Sequence = 3, Subject = "cr4", Decision = DecisionKind.Keep, Policy = "t0.cr4-pin", Value = 1, Match = "none", Reason = "no reply was recorded" },
        new ReplayOutput
        {
            Time = Time, Vm = "web01", Vcpu = 0, Event = EventKind.Cr, Sequence = 3, Subject = "cr4", Decision = DecisionKind.Allow, Value = 1, Match = "layout",
            RecordedAction = EventAction.Continue, RecordedValue = 2, Reason = "", Number = 1042, RecordedDecision = DecisionKind.Keep, IsSame = false,
        },
        new TraceOutput
        {
            Time = Time, Vm = "web01", Type = "difference", Text = "event 1042: web01 \u001b[31m: now allow, then keep",
            Fields =
            [
                new("number", 1042L), new("seq", 3u), new("vcpu", 0), new("event", "cr"), new("subject", "cr4"),
                new("now", (OutputField[])[new("decision", "allow"), new("value", 1UL), new("votes", "none \u001b[31m")]), new("then", null),
            ],
        },
        new ProbeOutput { Probe = new("/plugins/a/b.dll", "it is not a .NET assembly \u001b[31m"), Time = Time },
        new PluginOutput
        {
            Time = Time,
            Report = new PluginReport
            {
                Plugin = new PluginDescription("census", "/plugins/census/Census.dll", new Version(1, 2, 0, 0), new Version(1, 1, 0, 0), new string('a', 64)),
                Problem = null,
                Policies = ["Test.Census"],
                Handlers = [new PluginHandler("Test.Census", "OnCr", "cr")],
                Services = ["Test.ICensus"],
                Sinks = ["Test.Slack"],
                References =
                [
                    new PluginReference("Kvmi.Policy.Abstractions", new Version(1, 1, 0, 0), PluginReferenceKind.Shared, null),
                    new PluginReference("native\n\u001b[31m", null, PluginReferenceKind.Native, "/plugins/census/libnative.so"),
                ],
                Probes = [new PluginProbe("/plugins/census/libnative.so", "native library 'native'")],
            },
        },
        new PolicySummaryOutput
        {
            Time = Time,
            Summary = new PolicySummary
            {
                Id = "t0.lstar-lock", Version = "1.2.0", Mode = PolicyMode.Enforce, IsLive = true, Events = 3, Alerts = 1, SuppressedAlerts = 4, Records = 0, SuppressedRecords = 2, OverRate = 5, Errors = 1, Timeouts = 1,
                Decisions = new Dictionary<DecisionKind, long> { [DecisionKind.Allow] = 2, [DecisionKind.Keep] = 1 },
                WouldHave = new Dictionary<DecisionKind, long> { [DecisionKind.Inject] = 1 }, P50Nanoseconds = 1_500, P99Nanoseconds = 2_345_678, MaxNanoseconds = 3_000_000,
                Facts = [new FactSummary("web01", "address-spaces", 12), new FactSummary("web02", "address-spaces", 7)],
            },
        },
        new SimulationSummaryOutput
        {
            Time = Time,
            Result = new SimulationResult
            {
                Scenario = "default", EndedAsWritten = true, End = SimulationEnd.Completed, Vcpus = 2, Seed = 42, Connections = 1,
                Duration = TimeSpan.FromMilliseconds(1234), Events = new Dictionary<EventKind, long> { [EventKind.Cr] = 5 },
                Replies = new Dictionary<EventAction, long> { [EventAction.Continue] = 5 }, Commands = new Dictionary<string, long> { ["GET_VERSION"] = 1 },
                CommandErrors = new Dictionary<string, long>(), Consequences = [new Consequence("lstar", "kept", 1)],
                Faults = new Dictionary<string, long> { ["slow-kernel"] = 3 },
            },
        },
        new CatalogueOutput { Time = Time, Section = "fault", Entry = new CatalogueEntry("slow-kernel", "waits before it sends a message") },
        new DialectOutput { Time = Time, Dialect = Dialect },
        new DialectOutput { Time = Time, Dialect = Dialect, Command = Dialect.Commands[0] },
        new DialectOutput { Time = Time, Dialect = Dialect, Command = Dialect.Commands[1] },
        new DialectOutput { Time = Time, Dialect = Dialect, Event = Dialect.Events[0] },
        new DialectOutput { Time = Time, Dialect = Dialect, Event = Dialect.Events[1] },
        new TotalsOutput { Time = Time, Kind = "tests", Counts = [new("passed", 1), new("failed", 1)], Text = "1 passed, 1 failed" },
        new RunSummaryOutput
        {
            Time = Time,
            Vms = 1,
            Events = 5,
            Alerts = 1,
            LostOutput = 6,
            Faults = new FaultSummary(0x2a, [new FaultInjection("gc", 0.5, 0x2a), new FaultInjection("lost-peer", 0.25, 0x2a)]),
            Workers = new() { Started = 4, FailedStarts = 1, Restarts = 2, Messages = 77, Timeouts = 1, Deaths = 2, Nonsense = 0 },
            Reloads = 2,
            FailedReloads = 1,
            RefusedPeers = 2,
            Deadlines = new DeadlineCounters
            {
                Timeouts = 3,
                LateResults = 1,
                AbandonedThreads = 2,
                AbandonedNow = 1,
                P50Lateness = TimeSpan.FromMicroseconds(400),
                P99Lateness = TimeSpan.FromMicroseconds(1200),
                MaxLateness = TimeSpan.FromMicroseconds(1250),
                TotalGcPause = TimeSpan.FromMicroseconds(5400),
                MaxGcPause = TimeSpan.FromMicroseconds(2300),
                IsRealTime = false,
            },
            Memory = new MemoryOutput(123_456_789, 9, 4, 1),
            Elapsed = TimeSpan.FromSeconds(1.5),
            End = "scenario",
        },
        new SinkSummaryOutput { Time = Time, State = new SinkState("syslog:unix:/dev/log", 27, 0, 0, 0, false) },
        new SinkSummaryOutput { Time = Time, State = new SinkState("file:/var/\u001b[2J", 3, 2, 0, 1, true) },
    ];
}
