using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Output.Alerts;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>Alerts and records of one policy instance.</summary>
internal sealed class NoticeWriter
{
    private const int MaxName = 128;
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;
    private readonly NoticeFields _fields = new();
    private readonly AlertSource _source;

    public NoticeWriter(VmContext context, PolicyInstance policy)
    {
        _context = context;
        _policy = policy;
        _source = new AlertSource(policy.Definition.Alerts, policy.Memory.AlertWindows, policy.Statistics);
    }

    public void Write(string name, object? fields, bool isAlert) => Write(name, _fields.Read(fields), isAlert);

    /// <summary>What a subscription without code writes about the current event.</summary>
    public void Write(PolicyNotice notice)
    {
        ref readonly var facts = ref _context.Event.Facts;
        var names = notice.Fields ?? AlertEventFields.DefaultsOf(facts.Kind);
        var fields = new OutputField[names.Count];
        var count = 0;
        for (var i = 0; i < names.Count; i++)
        {
            if (AlertEventFields.Find(names[i], in facts) is { } value)
            {
                fields[count++] = new OutputField(names[i], value);
            }
        }

        Write(notice.Name, count == fields.Length ? fields : fields[..count], notice.IsAlert, notice.Severity);
    }

    public void Write(string name, OutputField[] fields, bool isAlert, PolicySeverity? severity = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        using var custody = _context.Foreign.Enter();
        name = name.Length > MaxName ? name[..MaxName] : name;
        if (_context.Event.Active && _policy.Rate is { DropsNotices: true })
        {
            _policy.Statistics.CountDropped(isAlert);
            return;
        }

        if (!isAlert)
        {
            _policy.Statistics.CountRecord();
            _context.Engine.Output.Write(Notice(name, fields, isAlert: false));
            return;
        }

        // The output thread counts it when it has decided whether it is kept back. One that found no room was raised all the same.
        var added = EventFields(fields);
        var alert = Notice(name, added.Length == 0 ? fields : [.. fields, .. added], isAlert: true, severity);
        if (!_context.Engine.Output.Write(alert, _source, _context.Engine.Time.GetTimestamp()))
        {
            _policy.Statistics.CountAlert(suppressed: false);
        }
    }

    /// <summary>The engine's own alert about a policy that is called too often; neither its rate nor spec.alerts keeps it back.</summary>
    public void WriteRateExceeded(RateLimit rate)
    {
        _policy.Statistics.CountAlert(suppressed: false);
        _context.Engine.Output.Write(Notice(
            "rate-exceeded",
            [
                new OutputField("limit", rate.Rate.Limit),
                new OutputField("seconds", (long)rate.Rate.Window.TotalSeconds),
                new OutputField("over", rate.OverSinceReport),
                new OutputField("onExceed", rate.Rate.OnExceed switch
                {
                    PolicyRateAction.Sample => "sample",
                    PolicyRateAction.Release => "release",
                    PolicyRateAction.Disarm => "disarm",
                    _ => "drop-alert",
                }),

                // A guest can make events: an enforcing policy that no longer sees them is a hole.
                new OutputField("unguarded", _policy.Enforcing && rate.Rate.OnExceed != PolicyRateAction.DropAlert),
            ],
            isAlert: true));
    }

    private NoticeOutput Notice(string name, OutputField[] fields, bool isAlert, PolicySeverity? severity = null)
    {
        var current = _context.Event;
        return new NoticeOutput
        {
            Time = _context.Engine.Time.GetUtcNow(),
            Vm = _context.Name,
            IsAlert = isAlert,
            Policy = _policy.Id,
            Name = name,
            Severity = severity ?? _policy.Definition.Severity,
            Mode = _policy.Enforcing ? PolicyMode.Enforce : PolicyMode.Audit,
            Vcpu = current.Active ? current.Facts.Vcpu : null,
            Event = current.Active ? current.Facts.Kind : null,
            Fields = fields,
        };
    }

    // What spec.alerts.fields asks for; a field of the policy's own is stronger, and what the event does not have is left out.
    private OutputField[] EventFields(OutputField[] own)
    {
        var names = _source.Settings.EventFields;
        if (names.Count == 0 || !_context.Event.Active)
        {
            return [];
        }

        ref readonly var facts = ref _context.Event.Facts;
        List<OutputField> added = [];
        foreach (var name in names)
        {
            if (AlertEventFields.Find(name, in facts) is { } value && AlertWindows.FieldOf(own, name).Value is null)
            {
                added.Add(new OutputField(name, value));
            }
        }

        return [.. added];
    }
}
