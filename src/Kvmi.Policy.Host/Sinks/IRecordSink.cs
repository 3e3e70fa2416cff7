namespace Kvmi.Policy.Host.Sinks;

/// <summary>
/// A place outside of this process where lines go. Called by the one thread of its <see cref="SinkWorker"/>, which owns queue, retries and
/// counting; a sink only knows how to connect and to write.
/// </summary>
internal interface IRecordSink : IDisposable
{
    /// <summary>Most records of one delivery.</summary>
    int MaxBatch { get; }

    /// <summary>
    /// Delivers the rest of a batch in order. What was delivered is marked at once, so that nothing is sent again without need.
    /// </summary>
    /// <exception cref="SinkRefusedException">The receiver does not want the rest of this batch; another try would be no better.</exception>
    /// <exception cref="SinkBusyException">The receiver asks to be left alone for a while.</exception>
    /// <exception cref="Exception">IOException, SocketException, HttpRequestException, UnauthorizedAccessException, OperationCanceledException: it may go well
    /// the next time.</exception>
    ValueTask DeliverAsync(SinkBatch batch, CancellationToken cancellation);
}
