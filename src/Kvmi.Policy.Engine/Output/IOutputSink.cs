namespace Kvmi.Policy.Engine.Output;

/// <summary>Where output goes. Called by one thread at a time, never by a thread that a vCPU waits for.</summary>
public interface IOutputSink
{
    /// <summary>Takes one line of output.</summary>
    void Write(OutputRecord record);
}
