using BenchmarkDotNet.Attributes;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Benchmarks.Micro;

/// <summary>
/// The engine without a socket: one CR3 write through dispatch, script policies, votes and report. Of <see cref="Loaded"/> policies,
/// <see cref="Matching"/> have a handler for it; the rest waits for MSRs.
/// </summary>
public class Policies
{
    private const string Script = """
        var last = State.Map<ushort, ulong>("last", 64);
        Decision OnEvent(CrEvent e)
        {
            if (e.New > 0x7fff_ffff_f000) Alert("outside");
            last.TrySet(e.Vcpu, e.New);
            return Allow;
        }
        """;

    private static readonly Dialect V7 = Dialect.Find(KvmiDialect.V7)!;
    private const string Nothing = "Decision OnEvent(CrEvent e) => Allow;";
    private const string OfMsr = "Decision OnEvent(MsrEvent e) => Allow;";
    private readonly byte[] _message = new byte[1024];
    private PolicyEngine _engine = null!;
    private VmPolicyHandler _handler = null!;
    private int _length;

    [Params("0 of 0", "1 of 1", "10 of 10", "100 of 100", "1 of 100", "1 empty", "10 empty")]
    public string Set { get; set; } = "";

    private int Matching { get; set; }

    private int Loaded { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        var isEmpty = Set.EndsWith("empty", StringComparison.Ordinal);
        var parts = Set.Split(' ');
        Matching = int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture);
        Loaded = isEmpty ? Matching : int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture);
        _engine = new PolicyEngine(new PolicyEngineOptions { Output = new NoSink(), HashSeed = 1 });
        var builder = new GenerationBuilder(new ScriptCompiler(), new CollectiblePluginLoader(), TimeProvider.System);
        var result = builder.Build([.. Enumerable.Range(0, Loaded).Select(i => Define(i, isEmpty))], PluginCatalog.Empty, null);
        if (result.Generation is null)
        {
            throw new InvalidOperationException(string.Join('\n', result.Findings));
        }

        _engine.Swap(result.Generation);
        _handler = (VmPolicyHandler)_engine.Create(new FakeVm { Recording = false });
        _handler.Attached();
        var body = EventBody.Cr(3, 0x1000, 0x2000);
        _length = V7.WriteEvent(_message, 77, 1, default, in body);
    }

    [GlobalCleanup]
    public void CleanUp() => _engine.Dispose();

    [Benchmark]
    public ulong DispatchAndVotes()
    {
        V7.ReadEvent(_message.AsSpan(0, _length), out var frame);
        var reply = new EventReply { NewValue = frame.NewValue };
        _handler.OnEvent(in frame, ref reply);
        return reply.NewValue;
    }

    private PolicyDefinition Define(int i, bool isEmpty) => new()
    {
        Id = $"p{i}",
        Version = "1.0.0",
        File = "policy.yaml",
        Mode = PolicyMode.Enforce,
        Subscriptions =
        [
            new()
            {
                Event = i < Matching ? EventKind.Cr : EventKind.Msr,
                Filter = i < Matching ? new EventFilter { Cr = 3 } : new EventFilter { Msrs = [new ValueRange(0x200 + (ulong)i, 0x200 + (ulong)i)] },
                Handler = "OnEvent",
                Location = new SourceLocation("policy.yaml"),
            },
        ],
        Code = new() { InlineText = i >= Matching ? OfMsr : isEmpty ? Nothing : Script, InlineLine = 1, Location = new("policy.yaml", 1, 1) },
        Location = new SourceLocation("policy.yaml"),
    };

    private sealed class NoSink : IOutputSink
    {
        public void Write(OutputRecord record)
        {
        }
    }
}
