using System.Reflection;
using Kvmi.TestSupport;

namespace Kvmi.Policy.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void Public_api_is_the_recorded_one() => PublicApiText.AssertUnchanged(typeof(PolicyBase).Assembly);

    /// <summary>The host compares versions of assemblies, authors those of packages.</summary>
    [Fact]
    public void Package_and_assembly_have_the_same_version()
    {
        var assembly = typeof(PolicyBase).Assembly;
        var package = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        Assert.Equal(package, assembly.GetName().Version!.ToString(3));
    }
}
