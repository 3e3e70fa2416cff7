namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class PluginsCommandTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Each_plugin_is_listed_with_what_it_offers_and_needs()
    {
        Write("good", "Good.dll", PluginAssembly.Build("good", """
            public Kvmi.Policy.Decision OnLstar(Kvmi.Policy.MsrEvent e) => Kvmi.Policy.Decision.Allow;
            public interface INumber { }
            private sealed class Number : INumber { }
            protected override void OnAttach() => Publish<INumber>(new Number());
            }
            public sealed class Siren : Kvmi.Policy.IAlertSink
            {
                public void Open(Kvmi.Policy.AlertSinkSettings settings) { }
                public void Write(Kvmi.Policy.AlertSinkLine line, System.Threading.CancellationToken cancellation) { }
                public void Dispose() { }
            """));
        var result = (await CommandProcess.RunInAsync(_directory.Path, "plugins", "plugins", "--json")).Expect(0);
        var plugin = Assert.Single(result.Json, line => RunCommandTests.Type(line) == "plugin");
        Assert.Equal("good", plugin.GetProperty("plugin").GetString());
        Assert.True(plugin.GetProperty("loads").GetBoolean());
        Assert.Equal("Census", Assert.Single(plugin.GetProperty("policies").EnumerateArray()).GetString());
        var handler = Assert.Single(plugin.GetProperty("handlers").EnumerateArray());
        Assert.Equal(("OnLstar", "msr"), (handler.GetProperty("name").GetString(), handler.GetProperty("event").GetString()));
        Assert.EndsWith("INumber", Assert.Single(plugin.GetProperty("services").EnumerateArray()).GetString(), StringComparison.Ordinal);
        Assert.Equal("Siren", Assert.Single(plugin.GetProperty("sinks").EnumerateArray()).GetString());
        Assert.Contains(plugin.GetProperty("references").EnumerateArray(), reference =>
            reference.GetProperty("name").GetString() == "Kvmi.Policy.Abstractions" && reference.GetProperty("from").GetString() == "shared");

        var text = (await CommandProcess.RunInAsync(_directory.Path, "plugins", "plugins")).Expect(0);
        Assert.Contains(text.Output, line => line.StartsWith("plugin   good ", StringComparison.Ordinal) && line.EndsWith("loads", StringComparison.Ordinal));
        Assert.Contains(text.Output, line => line.Contains("policy     Census: OnLstar (msr)", StringComparison.Ordinal));
        Assert.Contains(text.Output, line => line.Contains("Good.deps.json: not found", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_refused_is_named_with_its_reason_and_the_exit_code_says_so()
    {
        Write("good", "Good.dll", PluginAssembly.Build("good", "public Kvmi.Policy.Decision OnLstar(Kvmi.Policy.MsrEvent e) => Kvmi.Policy.Decision.Allow;"));
        Write("text", "Text.dll", "no assembly"u8.ToArray());
        Write("reaching", "Reaching.dll", PluginAssembly.Build("reaching", "static string S => System.IO.File.ReadAllText(\"/etc/passwd\");"));
        var result = (await CommandProcess.RunInAsync(_directory.Path, "plugins", "plugins", "--restrict-plugins", "--json")).Expect(1);
        Assert.Equal(["KP0501", "KP0510"], result.Json.Where(line => RunCommandTests.Type(line) == "finding").Select(line => line.GetProperty("code").GetString()).Order());
        Assert.Contains(result.Json, line => RunCommandTests.Type(line) == "probe" && line.GetProperty("outcome").GetString()!.StartsWith("it is not a .NET assembly", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_directory_that_is_not_there_is_the_environments_fault() =>
        (await CommandProcess.RunInAsync(_directory.Path, "plugins", "nowhere")).Expect(3);

    private void Write(string folder, string name, byte[] image) =>
        File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(Path.Combine(_directory.Path, "plugins", folder)).FullName, name), image);
}
