using System.Diagnostics;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Xml.Linq;

namespace Kvmi.Policy.Testing.Tests.Hosting;

/// <summary>What <c>dotnet pack</c> makes of the test kit, of what was built already.</summary>
public sealed class PackageTests
{
    private static readonly string[] Dependencies = ["Kvmi.Guest", "Kvmi.Policy.Abstractions", "Kvmi.Policy.Engine", "Kvmi.Protocol", "Kvmi.Session"];

    [Fact]
    public async Task The_package_has_what_an_author_needs_and_is_the_same_each_time()
    {
        var directory = Directory.CreateTempSubdirectory("kvmi-policy-test-").FullName;
        try
        {
            var first = Read(await PackAsync("Kvmi.Policy.Testing", Path.Combine(directory, "first")));
            var second = Read(await PackAsync("Kvmi.Policy.Testing", Path.Combine(directory, "second")));
            Assert.Superset(
                new HashSet<string>(["README.md", "lib/net10.0/Kvmi.Policy.Testing.dll", "lib/net10.0/Kvmi.Policy.Testing.xml", "Kvmi.Policy.Testing.nuspec"]), first.Keys.ToHashSet());
            Assert.Equal(first.ToDictionary(entry => entry.Key, entry => Hash(entry.Value)), second.ToDictionary(entry => entry.Key, entry => Hash(entry.Value)));

            var metadata = XDocument.Load(new MemoryStream(first["Kvmi.Policy.Testing.nuspec"])).Root!.Elements().First();
            string? Value(string name) => metadata.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
            Assert.Equal(("README.md", "Apache-2.0"), (Value("readme"), Value("license")));
            Assert.NotEqual("Package Description", Value("description"));
            var dependencies = metadata.Descendants().Where(element => element.Name.LocalName == "dependency")
                .ToDictionary(element => element.Attribute("id")!.Value, element => element.Attribute("version")!.Value);
            Assert.Equal(Dependencies, dependencies.Keys.Where(id => id.StartsWith("Kvmi.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData("Kvmi.Guest")]
    [InlineData("Kvmi.Policy.Abstractions")]
    [InlineData("Kvmi.Policy.Engine")]
    public void What_the_kit_depends_on_is_a_package_too(string project)
    {
        var file = XDocument.Load(Path.Combine(Root, "src", project, $"{project}.csproj"));
        Assert.Equal("true", Assert.Single(file.Descendants("IsPackable")).Value);
    }

    // The tests lie in tests/NAME/bin/CONFIGURATION/FRAMEWORK.
    private static string Root => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.Parent!.Parent!.FullName;

    private static async Task<string> PackAsync(string project, string output)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var start = new ProcessStartInfo("dotnet", ["pack", Path.Combine(Root, "src", project), "-c", configuration, "--no-build", "-o", output, "-v", "q", "-nodeReuse:false"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"dotnet pack: {await text}\n{await errors}");
        return Assert.Single(Directory.GetFiles(output, "*.nupkg"));
    }

    // The packager writes its own property file under a random name, and the list that names it; nothing of ours is in them.
    private static Dictionary<string, byte[]> Read(string package)
    {
        using var zip = ZipFile.OpenRead(package);
        return zip.Entries.Where(entry => !entry.FullName.EndsWith(".psmdcp", StringComparison.Ordinal) && entry.FullName != "_rels/.rels")
            .ToDictionary(entry => entry.FullName, entry =>
            {
                using var stream = entry.Open();
                var bytes = new byte[entry.Length];
                stream.ReadExactly(bytes);
                return bytes;
            });
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
