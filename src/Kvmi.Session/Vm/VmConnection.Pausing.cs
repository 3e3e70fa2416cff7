using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Transport;
using Kvmi.Session.Vm.Pausing;

namespace Kvmi.Session.Vm;

/// <summary>
/// Stopping all vCPUs. A vCPU that has sent an event stays out of the guest until it is answered, so an unanswered event, whichever it is,
/// is the proof that it stands. The PAUSE events that this part asks for are counted and taken out of the stream when they come, which may
/// be after the stop is over.
/// </summary>
internal sealed partial class VmConnection
{
    private readonly List<EventSlot> _held = [];
    private int[] _pausesOwed = [];
    private bool _holding;

    /// <summary>False when a pause would end the connection: v7 kernels close on a forbidden PAUSE event (kvmi-later-dialects.md 4.1).</summary>
    private bool MayPause => _dialect.Id != KvmiDialect.V7 || Capabilities.Events.Contains(EventKind.PauseVcpu);

    /// <inheritdoc/>
    public PauseResult PauseAll(TimeSpan timeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
        using var custody = EnterOwned();
        var deadline = new Deadline(_time, timeout);
        var answers = new KvmiError[VcpuCount];
        if (MayPause)
        {
            _holding = true;
            if (Has(CommandKind.PauseAllVcpus))
            {
                AskAllAtOnce(answers);
            }
            else
            {
                AskEach(answers);
            }

            WaitUntilStopped(answers, deadline);
        }
        else
        {
            Array.Fill(answers, KvmiError.NotPermitted);
        }

        return Result(answers);
    }

    /// <inheritdoc/>
    public void ResumeAll()
    {
        using var custody = EnterOwned();
        Resume();
        FlushOrLose();
    }

    private void Resume()
    {
        _holding = false;
        foreach (var slot in _held)
        {
            AnswerByDefault(slot);
        }

        _held.Clear();
    }

    /// <summary>True when the event of this vCPU that has just come is one that <see cref="PauseAll"/> asked for.</summary>
    private bool TakeOwnPause(EventSlot slot)
    {
        if (slot.Kind != EventKind.PauseVcpu || slot.Vcpu >= _pausesOwed.Length || _pausesOwed[slot.Vcpu] == 0)
        {
            return false;
        }

        _pausesOwed[slot.Vcpu]--;
        if (_holding)
        {
            _held.Add(slot);
        }
        else
        {
            AnswerByDefault(slot);
        }

        return true;
    }

    /// <summary>True while a vCPU waits for the answer to an event.</summary>
    internal bool IsWaiting(int vcpu) => vcpu < _slots.Length && _slots[vcpu] is { IsWaiting: true };

    private bool IsHeld(int vcpu) => _held.Exists(slot => slot.Vcpu == vcpu);

    private void Owe(int vcpu)
    {
        if (vcpu >= _pausesOwed.Length)
        {
            Array.Resize(ref _pausesOwed, Math.Max(vcpu + 1, VcpuCount));
        }

        _pausesOwed[vcpu]++;
    }

    /// <summary>One PAUSE_VCPU for every vCPU that is not held already.</summary>
    private void AskEach(KvmiError[] answers)
    {
        var vcpu = 0;
        while (vcpu < answers.Length)
        {
            using var custody = Begin(CommandKind.PauseVcpu);
            var asked = new List<int>();
            for (; vcpu < answers.Length && WindowHasRoom(0); vcpu++)
            {
                if (!IsHeld(vcpu))
                {
                    // The event can overtake the answer, so it is expected from now on.
                    Owe(vcpu);
                    asked.Add(vcpu);
                    Put(CommandKind.PauseVcpu, _dialect.Write(_channel.Output, _sequence, new PauseVcpu((ushort)vcpu, true)));
                }
            }

            FlushOrLose();
            while (_windowOpen > 0)
            {
                NextAnswer(out var index, out var error, out _);
                answers[asked[index]] = error;
                if (error != KvmiError.None && _pausesOwed[asked[index]] > 0)
                {
                    _pausesOwed[asked[index]]--;
                }
            }
        }
    }

    /// <summary>
    /// rfc-v5: one command for all; then each vCPU is asked something that an uninitialised one refuses, because such a vCPU is counted
    /// but sends no event until it is started (rfc-v5 3.15).
    /// </summary>
    private void AskAllAtOnce(KvmiError[] answers)
    {
        using var custody = Begin(CommandKind.PauseAllVcpus);
        for (var vcpu = 0; vcpu < answers.Length; vcpu++)
        {
            Owe(vcpu);
        }

        var length = _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.PauseAllVcpus);
        var error = Run(CommandKind.PauseAllVcpus, length, out var data);
        if (error != KvmiError.None)
        {
            Array.Fill(answers, error);
            foreach (ref var owed in _pausesOwed.AsSpan(0, answers.Length))
            {
                owed--;
            }

            return;
        }

        if (_dialect.ReadPauseAllReply(data, out _) != DecodeStatus.Ok)
        {
            throw Malformed(CommandKind.PauseAllVcpus, data.Length, 8);
        }

        for (var vcpu = 0; vcpu < answers.Length;)
        {
            OpenWindow();
            var first = vcpu;
            for (; vcpu < answers.Length && WindowHasRoom(16); vcpu++)
            {
                Put(CommandKind.GetCpuid, _dialect.Write(_channel.Output, _sequence, new GetCpuid((ushort)vcpu, 0, 0)), 16);
            }

            FlushOrLose();
            while (_windowOpen > 0)
            {
                NextAnswer(out var index, out error, out _);
                answers[first + index] = error == KvmiError.TryAgain ? error : KvmiError.None;
            }
        }
    }

    private void WaitUntilStopped(KvmiError[] answers, Deadline deadline)
    {
        var vcpus = Indexes(answers);
        while (!Array.TrueForAll(vcpus, vcpu => answers[vcpu] != KvmiError.None || IsWaiting(vcpu)))
        {
            if (TakeMessage())
            {
                continue;
            }

            if (deadline.IsOver)
            {
                return;
            }

            FlushOrLose();
            ReceiveOrLose();
        }
    }

    private PauseResult Result(KvmiError[] answers) => new()
    {
        Stopped = [.. Indexes(answers).Where(IsWaiting).Select(vcpu => (ushort)vcpu)],
        NotStarted = [.. Indexes(answers).Where(vcpu => !IsWaiting(vcpu) && answers[vcpu] == KvmiError.TryAgain).Select(vcpu => (ushort)vcpu)],
        Missing = [.. Indexes(answers).Where(vcpu => !IsWaiting(vcpu) && answers[vcpu] != KvmiError.TryAgain).Select(vcpu => (ushort)vcpu)],
        Error = Array.Find(answers, error => error is not (KvmiError.None or KvmiError.TryAgain)),
    };

    private static int[] Indexes(KvmiError[] answers) => [.. Enumerable.Range(0, answers.Length)];
}
