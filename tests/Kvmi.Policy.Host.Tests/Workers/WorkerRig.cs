using System.Globalization;
using System.Runtime.InteropServices;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Host.Tests.Commands;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Policies;
using Kvmi.Policy.Testing.Rig;
using Kvmi.Protocol;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kvmi.Policy.Host.Tests.Workers;

/// <summary>A policy on a VM without a connection, in this process or in a real worker: the built command.</summary>
internal sealed class WorkerRig : IDisposable
{
    private static readonly ScriptCompiler Compiler = new();
    private readonly byte[] _message = new byte[8192];
    private readonly byte[] _reply = new byte[8192];
    private readonly PolicyRig _rig;
    private uint _sequence;
    private int _length;

    private WorkerRig(Generation generation)
    {
        _rig = new PolicyRig(generation, Vm, TimeProvider.System);
        Start = Texts(_rig.TakeOutput());
    }

    public FakeVm Vm { get; } = new();

    /// <summary>What was written when the policy was taken into service.</summary>
    public IReadOnlyList<string> Start { get; }

    /// <summary>Settings that start the built command as a worker; generous, because test machines are busy.</summary>
    public static WorkerSettings Settings { get; } = new()
    {
        Program = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")),
        Arguments = [Path.Combine(CommandProcess.Directory, "kvmi-policy.dll"), "worker"],
        HandlerLimit = TimeSpan.FromSeconds(30),
        AttachLimit = TimeSpan.FromSeconds(30),
        StartLimit = TimeSpan.FromSeconds(90),
    };

    /// <summary>Builds the policies of a directory, with its plugins beside them.</summary>
    public static GenerationBuildResult Build(TestDirectory directory, WorkerSettings? settings, bool untrusted = true)
    {
        var options = PolicyLoadOptions.Default with { Untrusted = untrusted };
        var set = PolicySetLoader.Load([Path.Combine(directory.Path, "policies")], options);
        Assert.DoesNotContain(set.Findings, finding => finding.Severity == FindingSeverity.Error);
        return Builder(settings).Build(set.Policies, PluginSetLoader.Discover([Path.Combine(directory.Path, "plugins")]), null);
    }

    public static GenerationBuilder Builder(WorkerSettings? settings) =>
        new(Compiler, new CollectiblePluginLoader(), TimeProvider.System) { Workers = settings };

    /// <summary>Puts the policies of a directory on a VM.</summary>
    public static WorkerRig Attach(TestDirectory directory, WorkerSettings? settings = null, bool untrusted = true)
    {
        var result = Build(directory, settings ?? Settings, untrusted);
        Assert.Empty(result.Findings);
        return new WorkerRig(result.Generation!);
    }

    /// <summary>A policy on CR3 writes.</summary>
    public static string Yaml(string script, string more = "") => $$"""
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata:
          id: test.untrusted
          version: 1.0.0
          title: Under test
        spec:
          mode: enforce
          subscriptions:
            - event: cr
              when: { cr: 3 }
              handler: OnCr
          script: { {{script}} }
          onError: { decision: keep, quarantineAfter: never }
        {{(more.Contains("budget:", StringComparison.Ordinal) ? more : more + "\n  budget: { timeout: 500ms }")}}
        """;

    /// <summary>Writes a plugin whose policy has this body, and a policy file for it.</summary>
    public static void WritePlugin(TestDirectory directory, string body)
    {
        var source = $$"""
            using System; using System.IO; using System.Linq; using System.Collections.Generic; using System.Reflection;
            using System.Runtime.InteropServices; using System.Threading; using Kvmi.Policy;
            [assembly: PolicyPlugin("hostile")]
            public class Hostile : PolicyBase
            {
                {{body}}
            }
            """;
        var platform = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System", StringComparison.Ordinal) || name.StartsWith("Kvmi", StringComparison.Ordinal)));
        var compilation = CSharpCompilation.Create(
            "Hostile",
            [CSharpSyntaxTree.ParseText(source, cancellationToken: TestContext.Current.CancellationToken)],
            platform.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        var file = directory.Write("plugins/hostile/Hostile.dll", "");
        var emitted = compilation.Emit(file, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(emitted.Success, string.Join('\n', emitted.Diagnostics));
        directory.Write("policies/hostile/policy.yaml", Yaml("plugin: hostile, type: Hostile"));
    }

    /// <summary>Decides about one CR3 write.</summary>
    public byte[] DecideCr(ulong old, ulong value) =>
        Decide(EventKind.Cr, new Dictionary<string, ulong> { ["cr"] = 3, ["old"] = old, ["new"] = value });

    /// <summary>Decides about one event; the reply's bytes.</summary>
    public byte[] Decide(EventKind kind, Dictionary<string, ulong> with)
    {
        var step = new PolicyTestStep { Event = kind, With = with, Location = default };
        var length = TestEvents.Write(step, Vm, ++_sequence, _message);
        return _reply[.._rig.Decide(_message.AsSpan(0, length), _reply)];
    }

    /// <summary>Writes the message of a CR3 write.</summary>
    public void Prepare(ulong old, ulong value)
    {
        var with = new Dictionary<string, ulong> { ["cr"] = 3, ["old"] = old, ["new"] = value };
        _length = TestEvents.Write(new PolicyTestStep { Event = EventKind.Cr, With = with, Location = default }, Vm, ++_sequence, _message);
    }

    /// <summary>Decides about the message that was written last.</summary>
    public int DecidePrepared() => _rig.Decide(_message.AsSpan(0, _length), _reply);

    /// <summary>The last event's decision.</summary>
    public DecisionKind Decision => _rig.Outcome.Decision;

    /// <summary>Output since the last call, without times: alerts and records with their fields, status lines with their text.</summary>
    public IReadOnlyList<string> Output() => Texts(_rig.TakeOutput());

    /// <summary>Output since the last call.</summary>
    public IReadOnlyList<OutputRecord> Records() => _rig.TakeOutput();

    /// <summary>The worker processes of this process.</summary>
    public static IReadOnlyList<int> Workers() => Workers(Environment.ProcessId);

    /// <summary>The worker processes of a host.</summary>
    public static IReadOnlyList<int> Workers(int host)
    {
        var found = new List<int>();
        foreach (var folder in Directory.GetDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && IsWorker(folder, host))
            {
                found.Add(id);
            }
        }

        return found;
    }

    /// <summary>Worker processes of this build whose parent is no process of the tool any more.</summary>
    public static IReadOnlyList<int> Orphans()
    {
        var found = new List<int>();
        foreach (var folder in Directory.GetDirectories("/proc"))
        {
            try
            {
                if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                    && Words(folder) is var words && words.EndsWith("kvmi-policy.dll\0worker", StringComparison.Ordinal)
                    && words.Contains(CommandProcess.Directory, StringComparison.Ordinal)
                    && !Words($"/proc/{ParentOf(folder)}").Contains("kvmi-policy", StringComparison.Ordinal)
                    && !Words($"/proc/{ParentOf(folder)}").Contains("Kvmi.Policy", StringComparison.Ordinal))
                {
                    found.Add(id);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It ended while it was looked at.
            }
        }

        return found;
    }

    public void Dispose() => _rig.Dispose();

    private static string Words(string folder) => File.ReadAllText(Path.Combine(folder, "cmdline")).TrimEnd('\0');

    private static string ParentOf(string folder)
    {
        var stat = File.ReadAllText(Path.Combine(folder, "stat"));
        return stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
    }

    private static bool IsWorker(string folder, int host)
    {
        try
        {
            return ParentOf(folder) == host.ToString(CultureInfo.InvariantCulture) && Words(folder).EndsWith("\0worker", StringComparison.Ordinal);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It ended while it was looked at.
            return false;
        }
    }

    private static List<string> Texts(IReadOnlyList<OutputRecord> records) => [.. records.Select(record => record switch
    {
        NoticeOutput notice => $"{(notice.IsAlert ? "alert" : "record")} {notice.Name} "
            + string.Join(' ', notice.Fields.Select(field => $"{field.Name}={Text(field.Value)}")),
        StatusOutput status => $"{status.Status} {status.Message}",
        _ => record.GetType().Name,
    })];

    private static string Text(object? value) =>
        value is byte[] bytes ? Convert.ToHexString(bytes) : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "null";
}
