using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>The letters of sinks in site files: those of <c>--sink</c>.</summary>
internal static class SiteSinks
{
    /// <summary>What is wrong with a sink, as a sentence; null for nothing.</summary>
    public static string? FindProblem(string text)
    {
        try
        {
            SinkSpec.Parse(text);
            return null;
        }
        catch (UsageException exception)
        {
            var prefix = $"--sink {text}: ";
            return exception.Message.StartsWith(prefix, StringComparison.Ordinal) ? exception.Message[prefix.Length..] : exception.Message;
        }
    }
}
