namespace Kvmi.Benchmarks;

/// <summary>Something that a benchmark needs is not there, or broke: the message says what and what to do. Exit code 3.</summary>
internal sealed class BenchmarkException : Exception
{
    public BenchmarkException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
