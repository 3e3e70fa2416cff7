using Kvmi.Protocol;
using Microsoft.Extensions.Logging;

namespace Kvmi.Session;

/// <summary>Every log message of this project. The event ids are stable: operators filter by them.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(2001, LogLevel.Information, "Listening on {Endpoint}.")]
    public static partial void Listening(this ILogger log, string endpoint);

    [LoggerMessage(2002, LogLevel.Information, "VM '{Vm}' ({Uuid}) attached: {Peer}, dialect {Dialect}, {Vcpus} vCPUs; {Offer}.")]
    public static partial void Attached(this ILogger log, string vm, Guid uuid, string peer, string dialect, int vcpus, string offer);

    [LoggerMessage(2003, LogLevel.Information, "VM '{Vm}' ({Peer}) detached: {Reason}.")]
    public static partial void Detached(this ILogger log, string vm, string peer, Vm.DetachReason reason);

    [LoggerMessage(2004, LogLevel.Information, "VM {Uuid} connects again as {Peer}; its earlier connection {OldPeer} is ended first.")]
    public static partial void ConnectedAgain(this ILogger log, Guid uuid, string peer, string oldPeer);

    [LoggerMessage(2005, LogLevel.Warning, "UUID {Uuid} belongs to more than one attached VM, {Peer} '{Vm}' among them; give each VM its own (QEMU -uuid), so that a reconnect can be told from another VM.")]
    public static partial void SameUuid(this ILogger log, Guid uuid, string peer, string vm);

    [LoggerMessage(2006, LogLevel.Information, "VM '{Vm}' ({Peer}) was reset or started anew since its last connection; it runs since {StartTime}.")]
    public static partial void WasReset(this ILogger log, string vm, string peer, DateTimeOffset? startTime);

    [LoggerMessage(2010, LogLevel.Warning, "Peer {Peer} is refused: {Reason}.")]
    public static partial void PeerRefused(this ILogger log, string peer, string reason);

    [LoggerMessage(2011, LogLevel.Warning, "Peer {Peer}, VM '{Vm}': the connection is lost: {Reason}.")]
    public static partial void ConnectionLost(this ILogger log, string peer, string vm, string reason);

    [LoggerMessage(2012, LogLevel.Warning, "Peer {Peer}: unknown event {EventId} (vCPU {Vcpu}, seq {Sequence}) is answered with continue; further ones are not logged.")]
    public static partial void UnknownEvent(this ILogger log, string peer, int eventId, int vcpu, uint sequence);

    [LoggerMessage(2013, LogLevel.Warning, "Peer {Peer}: the UNHOOK event cannot be enabled (error {Error}); the hypervisor will cut the connection without notice.")]
    public static partial void UnhookNotEnabled(this ILogger log, string peer, int error);

    [LoggerMessage(2014, LogLevel.Warning, "A connection to {Endpoint} could not be accepted.")]
    public static partial void AcceptFailed(this ILogger log, Exception exception, string endpoint);

    [LoggerMessage(2020, LogLevel.Error, "Peer {Peer}: {Member} of the handler failed for event {Kind} (vCPU {Vcpu}, seq {Sequence}); the event is answered as the reply stands.")]
    public static partial void HandlerFailed(
        this ILogger log, Exception exception, string peer, string member, EventKind kind, int vcpu, uint sequence);

    [LoggerMessage(2021, LogLevel.Error, "Peer {Peer}: {Member} of the handler failed.")]
    public static partial void HandlerMemberFailed(this ILogger log, Exception exception, string peer, string member);

    [LoggerMessage(2022, LogLevel.Error, "Peer {Peer}: action {Action} is not legal for event {Kind} (vCPU {Vcpu}, seq {Sequence}); continue is sent.")]
    public static partial void IllegalAction(this ILogger log, string peer, int action, EventKind kind, int vcpu, uint sequence);

    [LoggerMessage(2023, LogLevel.Error, "Peer {Peer}: the session failed and ends.")]
    public static partial void SessionFailed(this ILogger log, Exception exception, string peer);

    [LoggerMessage(2024, LogLevel.Error, "The observer of VMs failed for {Peer}.")]
    public static partial void ObserverFailed(this ILogger log, Exception exception, string peer);

    [LoggerMessage(2025, LogLevel.Error, "{Count} VMs did not detach within {Seconds} s; their connections are closed.")]
    public static partial void StopTooSlow(this ILogger log, int count, double seconds);

    [LoggerMessage(2026, LogLevel.Error, "{Count} VM threads do not return from their handlers and are left behind.")]
    public static partial void ThreadsLeftBehind(this ILogger log, int count);

    [LoggerMessage(2030, LogLevel.Information, "The watchdog of event deadlines runs at real-time priority.")]
    public static partial void WatchdogIsRealTime(this ILogger log);

    [LoggerMessage(2031, LogLevel.Information, "The watchdog of event deadlines runs at normal priority ({Reason}); on a busy machine answers at a deadline come later. LimitRTPRIO=1 permits it.")]
    public static partial void WatchdogIsNotRealTime(this ILogger log, string reason);

    [LoggerMessage(2032, LogLevel.Error, "The watchdog of event deadlines failed for a VM and goes on; further failures are not logged.")]
    public static partial void WatchdogFailed(this ILogger log, Exception exception);

    [LoggerMessage(2033, LogLevel.Error, "Peer {Peer}, VM '{Vm}': the handler does not return; its thread is given up and another one goes on.")]
    public static partial void ThreadAbandoned(this ILogger log, string peer, string vm);

    [LoggerMessage(2650, LogLevel.Error, "Peer {Peer}, VM '{Vm}': {Who} does not return; its thread is given up and another one goes on.")]
    public static partial void CallAbandoned(this ILogger log, string peer, string vm, string who);

    [LoggerMessage(2651, LogLevel.Error, "Peer {Peer}, VM '{Vm}': there is no handler for it, so nothing can be decided; what waits is answered by default, and the connection is closed.")]
    public static partial void NoHandler(this ILogger log, string peer, string vm);

    [LoggerMessage(2034, LogLevel.Warning, "Peer {Peer}: the handler came back after the deadline of event {Kind} (vCPU {Vcpu}, seq {Sequence}); what it said is dropped.")]
    public static partial void LateResult(this ILogger log, string peer, EventKind kind, int vcpu, uint sequence);

    [LoggerMessage(2035, LogLevel.Error, "Peer {Peer}, VM '{Vm}': {Limit} threads hang in handlers; this VM is given up. Restart the tool to be rid of them.")]
    public static partial void TooManyThreads(this ILogger log, string peer, string vm, int limit);

    [LoggerMessage(2185, LogLevel.Warning, "{Count} more peers were refused and are not logged one by one; somebody floods an endpoint. See who may connect to it.")]
    public static partial void PeersRefused(this ILogger log, long count);
    [LoggerMessage(2135, LogLevel.Warning, "Peer {Peer} is refused: process {Pid} of user {User} (group {Group}) is neither root's nor this tool's. --allow-uid {User} (KvmiServerOptions.AllowedUsers) would let it in. (Refusal {Count}; from the tenth on only some are logged.)")]
    public static partial void UserRefused(this ILogger log, string peer, int pid, uint user, uint group, long count);

    [LoggerMessage(2136, LogLevel.Warning, "{Endpoint}: TCP does not say who connects and no cookie is set, so that every user of this machine can pose as a hypervisor. Listen on a Unix socket, or set a cookie (--cookie-file).")]
    public static partial void TcpWithoutCookie(this ILogger log, string endpoint);

    [LoggerMessage(2137, LogLevel.Information, "{Endpoint} does not say which user connects; only the cookie can keep others out ({Cookie}).")]
    public static partial void NoCredentials(this ILogger log, string endpoint, string cookie);

    [LoggerMessage(2138, LogLevel.Warning, "{Endpoint}: everybody may create files in the directory of this socket, so that another program can take its place while this tool does not run. Use a directory of its own, mode 0750.")]
    public static partial void SharedSocketDirectory(this ILogger log, string endpoint);

    [LoggerMessage(2139, LogLevel.Warning, "{Endpoint}: other users are allowed to connect, but the socket has mode 0600, and only root passes that. Give it a group too (--socket-group, KvmiServerOptions.SocketGroup).")]
    public static partial void AllowedUsersCannotReach(this ILogger log, string endpoint);

    [LoggerMessage(2400, LogLevel.Warning, "Peer {Peer}: its thread runs where and as the system likes. {Refusal}")]
    public static partial void NotPlaced(this ILogger log, string peer, string refusal);
}
