using System.Globalization;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Traces;
using Kvmi.Policy.Testing.Traces.Recording;
using Kvmi.Session;
using Kvmi.Session.Vm;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.Recording;

/// <summary>The recording of a run, or the absence of one: every member then does nothing.</summary>
internal sealed class RunRecording : IDisposable
{
    private readonly ResultWriter _results;
    private readonly string _file;
    private readonly TraceRecorder? _recorder;
    private bool _ended;
    private bool _failed;

    private RunRecording(ResultWriter results, RecordSettings? settings, TimeProvider time, ILogger logger)
    {
        _results = results;
        _file = settings?.File ?? "";
        if (settings is not null)
        {
            _recorder = new TraceRecorder(TraceFiles.Create("--record", settings.File), time, settings.Keep, problem => Failed(logger, problem));
        }
    }

    /// <summary>Begins the recording, if one is wanted.</summary>
    /// <exception cref="HostEnvironmentException">The file exists, or cannot be made.</exception>
    public static RunRecording Begin(VerbContext context, RecordSettings? settings, ILogger logger) =>
        new(context.Results, settings, context.Time, logger);

    /// <summary>Lets the recorder look on at the conversations.</summary>
    public KvmiServerOptions Tap(KvmiServerOptions options) => _recorder is null ? options : options with { Taps = _recorder };

    /// <summary>Makes the decisions of the engine part of the recording.</summary>
    public IVmHandlerFactory Handlers(PolicyEngine engine) => _recorder is null ? engine : _recorder.Decisions(engine);

    /// <summary>A generation went live.</summary>
    public void WentLive(PolicyEngine engine)
    {
        if (engine.Current is { } generation)
        {
            _recorder?.WentLive(generation);
        }
    }

    /// <summary>Ends the recording in order and says what became of it.</summary>
    public void Dispose()
    {
        if (_recorder is null || _ended)
        {
            return;
        }

        _ended = true;
        _recorder.Dispose();
        if (_failed)
        {
            return;
        }

        var lost = _recorder.Lost;
        Status("recorded", string.Create(
            CultureInfo.InvariantCulture,
            $"{_file}: {Words.Count(_recorder.Events, "event")}, {Words.Count(_recorder.Messages, "message")}, {_recorder.Length} bytes{(lost == 0 ? "" : $"; {lost} are missing, because the disk was slower than the events")}."));
    }

    private void Failed(ILogger logger, string problem)
    {
        _failed = true;
        LogMessages.RecordingEnded(logger, _file, problem);
        Status("recording-ended", $"{_file} cannot be written any more ({problem}); it ends with its last whole chunk, and the run goes on without it.");
    }

    private void Status(string status, string message) =>
        _results.Write(new StatusOutput { Time = _results.Now, Status = status, Message = message });
}
