using Kvmi.Examples;
using Kvmi.Protocol;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Session;

/// <summary>The examples of the package Kvmi.Session, run against a simulated VM of every dialect that has a simulated kernel.</summary>
public sealed class ExampleTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi-example").FullName;
    private readonly StringWriter _output = new();

    public static TheoryData<KvmiDialect> Dialects => [.. Enum.GetValues<KvmiDialect>().Where(id => KernelRules.Find(id) is not null)];

    private string Endpoint => "unix:" + Path.Combine(_folder, "s");

    private string[] Lines => _output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Vcpus_are_listed_with_their_code(KvmiDialect dialect)
    {
        // rfc-v5 cannot translate addresses; the example says so by an exception.
        Assert.SkipWhen(dialect == KvmiDialect.RfcV5, "rfc-v5 has no TRANSLATE_GVA.");
        using var stop = new CancellationTokenSource();
        var example = ListVcpus.RunAsync(Endpoint, _output);
        var vm = Simulation.RunAsync(Options(dialect, "load"), stop.Token);
        await example.WaitAsync(Patience);
        await stop.CancelAsync();
        await vm.WaitAsync(Patience);
        Assert.StartsWith("model-guest: ", Lines[0], StringComparison.Ordinal);
        Assert.Equal(3, Lines.Length);
        Assert.All(Lines[1..], line => Assert.Matches("^vCPU [01]: rip 0x[0-9a-f]+, cr3 0x[0-9a-f]+, code [0-9A-F]{16}$", line));
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Lstar_is_kept(KvmiDialect dialect)
    {
        using var stop = new CancellationTokenSource();
        var example = KeepLstar.RunAsync(Endpoint, _output, stop.Token);
        var result = await Simulation.RunAsync(Options(dialect, "default"), TestContext.Current.CancellationToken).WaitAsync(Patience);
        await stop.CancelAsync();
        await example.WaitAsync(Patience);
        Assert.Null(result.FailureReason);
        Assert.Contains(result.Consequences, consequence => consequence is { Name: "lstar", Value: not "hijacked" });
        Assert.Single(Lines, line => line.Contains("LSTAR stays", StringComparison.Ordinal));
        Assert.Matches("^[1-9][0-9]+ process switches; Unhook$", Lines[^1]);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Pages_are_guarded_while_every_vcpu_stands(KvmiDialect dialect)
    {
        using var stop = new CancellationTokenSource();
        var example = GuardPages.RunAsync(Endpoint, [GuestLayout.PayloadGpa & ~0xFFFUL, 0x10_0000], _output, stop.Token);
        var result = await Simulation.RunAsync(Options(dialect, "default"), TestContext.Current.CancellationToken).WaitAsync(Patience);
        await stop.CancelAsync();
        await example.WaitAsync(Patience);
        Assert.Null(result.FailureReason);
        Assert.Equal(["2 of 2 vCPUs stand", "2 pages are ReadExecute: None"], Lines[..2]);
        Assert.Single(Lines, line => line.Contains("Write at 0x1105", StringComparison.Ordinal));
        Assert.Equal("2 pages are All: None", Lines[^1]);

        // Nothing that the example sent failed; v7 was told to keep quiet about what works.
        Assert.DoesNotContain(result.CommandErrors.Keys, name => !name.StartsWith("Check", StringComparison.Ordinal));
        Assert.Equal(dialect == KvmiDialect.V7, result.Commands.ContainsKey("ControlCommandResponse"));
    }

    [Theory]
    [InlineData("ListVcpus.cs")]
    [InlineData("KeepLstar.cs")]
    [InlineData("GuardPages.cs")]
    public void The_readme_of_the_package_shows_exactly_these_examples(string file)
    {
        var code = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Examples", file)).Trim();
        var readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Examples", "README.md"));
        Assert.Contains($"```csharp\n{code}\n```\n", readme, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _output.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private SimulatorOptions Options(KvmiDialect dialect, string scenario) => new()
    {
        Endpoint = Endpoint,
        Dialect = dialect,
        Scenario = scenario,
        Vcpus = 2,
        Settle = TimeSpan.FromMilliseconds(300),

        // An rfc-v5 kernel is recognised on its second connection.
        Reconnect = dialect == KvmiDialect.RfcV5 ? TimeSpan.FromMilliseconds(50) : null,
    };
}
