using System.Text;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Testing.Replay;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Protocol.Captures;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>
/// Runs a test whose events come from a recorded conversation. The replay is strict: a read that the recording does not hold fails
/// the test, because a policy that saw "unreadable" has not been tested on what the guest had there.
/// </summary>
internal static class TraceTestRunner
{
    private const int MagicLength = 7;

    public static PolicyTestResult Run(Generation generation, string policyId, PolicyTest test, string path)
    {
        try
        {
            return IsTrace(path) ? RunTrace(generation, policyId, test, path) : RunCapture(generation, policyId, test, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            generation.Release();
            return new(policyId, test.Name, test.Location, [$"the trace {path} cannot be read: {exception.Message}"]);
        }
    }

    private static PolicyTestResult RunTrace(Generation generation, string policyId, PolicyTest test, string path)
    {
        TraceFile file;
        try
        {
            file = TraceFile.Open(path);
        }
        catch (TraceException exception)
        {
            generation.Release();
            return new(policyId, test.Name, test.Location, [exception.Message]);
        }

        using (file)
        using (var replay = new TraceReplay(file, generation))
        {
            var check = new TraceExpectationCheck(policyId, test.TraceExpect);
            try
            {
                foreach (var step in replay.Run())
                {
                    check.Take(step);
                }
            }
            catch (TraceException exception)
            {
                return new(policyId, test.Name, test.Location, [exception.Message]);
            }

            check.Take(replay.EndOutput);
            return new(policyId, test.Name, test.Location,
                [.. replay.Problems, .. replay.NotRecorded.Select(what => $"the trace does not hold: {what}"), .. check.Finish()]);
        }
    }

    private static PolicyTestResult RunCapture(Generation generation, string policyId, PolicyTest test, string path)
    {
        List<HexCaptureEntry> entries;
        using (var reader = new StreamReader(path, Encoding.UTF8))
        {
            entries = [.. HexCapture.Read(reader)];
        }

        var inferred = ConversationDialect.Infer(entries);
        if (inferred.Dialect is not { } dialect || Protocol.Dialects.Dialect.Find(dialect) is null)
        {
            generation.Release();
            return new(policyId, test.Name, test.Location, [$"the trace {path} is in a dialect that this version cannot replay: {inferred.Reason}"]);
        }

        using var replay = new CaptureReplay(Path.GetFileName(path), entries, dialect, generation);
        var check = new TraceExpectationCheck(policyId, test.TraceExpect);
        check.Take(replay.AttachOutput);
        foreach (var step in replay.Run())
        {
            check.Take(step);
        }

        return new(policyId, test.Name, test.Location, [.. replay.Problems, .. check.Finish()]);
    }

    private static bool IsTrace(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Span<byte> start = stackalloc byte[MagicLength];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual("KVMITRC"u8);
    }
}
