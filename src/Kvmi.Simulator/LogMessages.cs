using Microsoft.Extensions.Logging;

namespace Kvmi.Simulator;

/// <summary>Every log message of the simulator. Event ids 3000 to 3999 are this project's and stay with their message.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(3000, LogLevel.Information, "Connected to {Endpoint} as '{Name}' ({Uuid}), hello of {Size} bytes.")]
    public static partial void Connected(ILogger logger, string endpoint, string name, Guid uuid, int size);

    [LoggerMessage(3001, LogLevel.Warning, "Could not connect to {Endpoint}: {Reason}. Trying again.")]
    public static partial void ConnectFailed(ILogger logger, string endpoint, string reason);

    [LoggerMessage(3002, LogLevel.Warning, "The handshake with {Endpoint} failed: {Reason}")]
    public static partial void HandshakeFailed(ILogger logger, string endpoint, string reason);

    [LoggerMessage(3003, LogLevel.Information, "Unhooked: {Reason}")]
    public static partial void Unhooked(ILogger logger, string reason);

    [LoggerMessage(3004, LogLevel.Information, "UNHOOK event sent; waiting at most {Patience} for the tool to close.")]
    public static partial void UnhookSent(ILogger logger, TimeSpan patience);

    [LoggerMessage(3005, LogLevel.Warning, "The tool did not close within {Patience} after the UNHOOK event; the connection is cut.")]
    public static partial void UnhookTimedOut(ILogger logger, TimeSpan patience);

    [LoggerMessage(3006, LogLevel.Information, "The device manager carries out '{Action}'.")]
    public static partial void ActionStarts(ILogger logger, DeviceManager.VmAction action);

    [LoggerMessage(3007, LogLevel.Warning, "The simulated kernel refused to allow id {Id}: {Error}.")]
    public static partial void AllowFailed(ILogger logger, int id, string error);

    [LoggerMessage(3008, LogLevel.Information, "vCPU {Vcpu} was plugged in; it waits for the guest to start it.")]
    public static partial void VcpuPluggedIn(ILogger logger, int vcpu);

    [LoggerMessage(3010, LogLevel.Warning, "The kernel side closes the connection: {Reason}")]
    public static partial void ConnectionClosedByKernel(ILogger logger, string reason);

    [LoggerMessage(3011, LogLevel.Debug, "Shutting the socket down failed: {Reason}")]
    public static partial void ShutdownFailed(ILogger logger, string reason);

    [LoggerMessage(3012, LogLevel.Error, "The tool answered an event of vCPU {Vcpu} with CRASH; the guest ends.")]
    public static partial void GuestCrashed(ILogger logger, int vcpu);

    [LoggerMessage(3013, LogLevel.Warning, "vCPU {Vcpu}: action {Action} is not valid for a {Kind} event; what was intercepted is not carried out.")]
    public static partial void UnsupportedAction(ILogger logger, int vcpu, int action, Kvmi.Protocol.EventKind kind);

    [LoggerMessage(3014, LogLevel.Debug, "Unknown message id {Id} from the tool (a client of another dialect?); answered with 'no such command'.")]
    public static partial void UnknownCommand(ILogger logger, int id);

    [LoggerMessage(3015, LogLevel.Error, "vCPU {Vcpu} of the guest suffered a triple fault and stays still.")]
    public static partial void TripleFault(ILogger logger, int vcpu);

    [LoggerMessage(3016, LogLevel.Error, "The thread of vCPU {Vcpu} failed.")]
    public static partial void VcpuThreadFailed(ILogger logger, int vcpu, Exception exception);

    [LoggerMessage(3032, LogLevel.Warning, "The tool sends message id {Id} with {Size} bytes: that is {Other}, but this VM speaks {Dialect}. Use a tool for {Dialect}, or simulate {Other}.")]
    public static partial void OtherDialect(ILogger logger, ushort id, int size, string other, string dialect);

    [LoggerMessage(3017, LogLevel.Error, "The receiving thread failed.")]
    public static partial void ReceiverFailed(ILogger logger, Exception exception);

    [LoggerMessage(3018, LogLevel.Warning, "vCPU {Vcpu}: SET_REGISTERS came while no event waits; it is dropped and answered as success, {Count} so far.")]
    public static partial void RegistersDropped(ILogger logger, int vcpu, int count);

    [LoggerMessage(3019, LogLevel.Warning, "vCPU {Vcpu}: the reply to a {Kind} event has the size of another one and names event {Named}; the event counts as unanswered.")]
    public static partial void EventFailed(ILogger logger, int vcpu, Kvmi.Protocol.EventKind kind, int named);

    [LoggerMessage(3023, LogLevel.Warning, "vCPU {Vcpu}: the reply to a {Kind} event names event {Named}.")]
    public static partial void ReplyNamesOther(ILogger logger, int vcpu, Kvmi.Protocol.EventKind kind, int named);

    [LoggerMessage(3024, LogLevel.Warning, "vCPU {Vcpu}: vector {Vector} cannot be injected; it is lost.")]
    public static partial void InjectionImpossible(ILogger logger, int vcpu, int vector);

    [LoggerMessage(3020, LogLevel.Information, "Scenario '{Scenario}': the steps start, {Why}.")]
    public static partial void ScenarioStarts(ILogger logger, string scenario, string why);

    [LoggerMessage(3021, LogLevel.Information, "Scenario '{Scenario}' ended: {End}.")]
    public static partial void ScenarioEnded(ILogger logger, string scenario, SimulationEnd end);

    [LoggerMessage(3022, LogLevel.Warning,
        "Scenario '{Scenario}' is over and the guest caused no event: the tool armed nothing that this guest does, or armed it after the steps "
        + "had started. Arm events before the tool falls silent, or give a longer settle time.")]
    public static partial void NothingSeen(ILogger logger, string scenario);

    [LoggerMessage(3030, LogLevel.Information, "Fault '{Fault}' happens to the message with id {Id}, seq {Sequence}.")]
    public static partial void FaultHappens(ILogger logger, string fault, int id, uint sequence);

    [LoggerMessage(3031, LogLevel.Information, "Fault '{Fault}' happens to the hello.")]
    public static partial void FaultInHello(ILogger logger, string fault);
}
