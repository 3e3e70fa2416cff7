using BenchmarkDotNet.Attributes;
using Kvmi.Policy.Engine.Containment.Metering;

namespace Kvmi.Benchmarks.Micro;

/// <summary>What the budget of a handler costs each call.</summary>
public class Metering
{
    [Benchmark]
    public string? BeginAndEnd()
    {
        var meter = ScriptMeter.Current;
        meter.Begin(5_000_000, 16 * 1024 * 1024);
        return meter.End();
    }

    [Benchmark]
    public long AllocatedBytes() => GC.GetAllocatedBytesForCurrentThread();
}
