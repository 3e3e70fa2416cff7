using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>Policies or plugins of a test cannot be loaded. The message is what <c>kvmi-policy validate</c> prints.</summary>
public sealed class TestHostException : Exception
{
    internal TestHostException(IReadOnlyList<Finding> findings)
        : base(findings.Count == 0 ? "There is no policy to test: give a folder, a file or a text." : string.Join('\n', findings)) => Findings = findings;

    /// <summary>What is wrong; empty when there was nothing to load.</summary>
    public IReadOnlyList<Finding> Findings { get; }
}
