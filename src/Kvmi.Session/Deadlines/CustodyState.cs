namespace Kvmi.Session.Deadlines;

/// <summary>Who may touch a connection. Part of a number that is only changed as a whole.</summary>
internal enum CustodyState
{
    /// <summary>The owner thread, in code that comes back by itself.</summary>
    Host,

    /// <summary>The owner thread is in a handler: the watchdog may borrow or take the connection.</summary>
    Lent,

    /// <summary>The owner thread waits in a receive: the watchdog may borrow what sends.</summary>
    Waiting,

    /// <summary>The watchdog answers an event; the owner thread waits until it has done so.</summary>
    Borrowed,

    /// <summary>The owner thread has lost the connection for good.</summary>
    Taken,
}
