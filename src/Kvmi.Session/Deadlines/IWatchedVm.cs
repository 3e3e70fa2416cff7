namespace Kvmi.Session.Deadlines;

/// <summary>What the watchdog does to a connection that it holds.</summary>
internal interface IWatchedVm
{
    /// <summary>Answers the event that is being decided, in place of its handler. Must not wait.</summary>
    /// <returns>False when the peer takes no bytes at the moment.</returns>
    bool TryAnswer();

    /// <summary>
    /// True when replies are ready that have not been sent for longer than they may wait for others. May be asked without holding the connection;
    /// then it may be over already.
    /// </summary>
    /// <param name="now">The time, by the session's clock.</param>
    bool HasLateReplies(long now);

    /// <summary>Sends them, unless the peer takes no bytes at the moment. Must not wait.</summary>
    void TrySendReplies();

    /// <summary>Starts a thread that goes on in place of the owner thread, which is lost.</summary>
    /// <param name="giveUp">True: too many threads are lost already; the new one is to end the connection.</param>
    void Replace(bool giveUp);
}
