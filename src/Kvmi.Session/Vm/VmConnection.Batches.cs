using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm.Batches;

namespace Kvmi.Session.Vm;

/// <summary>Batches: many commands in one write, answered one by one or (v7) only where they fail.</summary>
internal sealed partial class VmConnection
{
    private const int SequenceOffset = 4;

    // The frame of a silent batch: the switch before it, the switch behind it. Fences for vCPUs come on top.
    private const int SilentFrame = 2;

    private readonly KvmiError[] _silentErrors = new KvmiError[MaxOutstanding];
    private bool _isSilent;

    /// <inheritdoc/>
    public VmBatch StartBatch()
    {
        using var custody = EnterOwned();
        return new VmBatch(this, _dialect);
    }

    /// <summary>Sends a batch, in as many writes as it needs, and notes the results in it.</summary>
    internal void Send(VmBatch batch)
    {
        using var custody = EnterOwned();
        var messages = CollectionsMarshal.AsSpan(batch.Messages);
        var silent = MayBeSilent(messages);
        while (!messages.IsEmpty)
        {
            var count = silent ? SendSilently(batch, messages) : SendAnswered(batch, messages);
            messages = messages[count..];
        }
    }

    /// <summary>
    /// While answers are off, a command that returns data, an unknown or a forbidden one ends the connection
    /// (kvmi-later-dialects.md 4.4); and without CMD_ERROR events failures would be lost.
    /// </summary>
    private bool MayBeSilent(ReadOnlySpan<BatchMessage> messages)
    {
        if (messages.Length < 2
            || !Capabilities.Commands.Contains(CommandKind.ControlCommandResponse)
            || !Capabilities.Commands.Contains(CommandKind.GetVcpuInfo)
            || !Capabilities.Events.Contains(EventKind.CommandError))
        {
            return false;
        }

        foreach (ref readonly var message in messages)
        {
            if (_dialect.ReturnsData(message.Kind) || !Capabilities.Commands.Contains(message.Kind))
            {
                return false;
            }
        }

        return true;
    }

    private int SendAnswered(VmBatch batch, ReadOnlySpan<BatchMessage> messages)
    {
        OpenWindow();
        var masks = new Dictionary<int, uint>();
        var count = 0;
        while (count < messages.Length && WindowHasRoom(messages[count].Destination.Length))
        {
            Copy(batch, in messages[count], masks, answered: true);
            count++;
        }

        FlushOrLose();
        while (_windowOpen > 0)
        {
            NextAnswer(out var index, out var error, out var data);
            ref readonly var message = ref messages[index];
            batch.SetResult(in message, error);
            if (error == KvmiError.None)
            {
                Accept(batch, in message, data);
            }
        }

        return count;
    }

    private int SendSilently(VmBatch batch, ReadOnlySpan<BatchMessage> messages)
    {
        OpenWindow();
        Array.Clear(_silentErrors);
        Put(
            CommandKind.ControlCommandResponse,
            _dialect.Write(_channel.Output, _sequence, new ControlCommandResponse(Enable: false, Now: true, ErrorEvents: true)),
            answered: false);
        var vcpus = new SortedSet<ushort>();
        var count = 0;
        while (count < messages.Length
            && _windowCount + SilentFrame + vcpus.Count < MaxOutstanding
            && _windowRequest + MaxRequest <= MaxOutstandingRequest
            && _channel.HasRoom(2 * MaxRequest))
        {
            Copy(batch, in messages[count], [], answered: false);
            if (messages[count].Vcpu is { } vcpu)
            {
                vcpus.Add(vcpu);
            }

            count++;
        }

        Put(
            CommandKind.ControlCommandResponse,
            _dialect.Write(_channel.Output, _sequence, new ControlCommandResponse(Enable: true, Now: true, ErrorEvents: false)));
        foreach (var vcpu in vcpus)
        {
            // Commands of one vCPU keep their order: when this is answered, those of the batch have ended or failed.
            Put(CommandKind.GetVcpuInfo, _dialect.WriteVcpuOnly(_channel.Output, _sequence, CommandKind.GetVcpuInfo, vcpu), replyData: 8);
        }

        _isSilent = true;
        try
        {
            FlushOrLose();
            while (_windowOpen > 0)
            {
                NextAnswer(out var index, out var error, out _);
                if (error != KvmiError.None && _window[index].Kind == CommandKind.ControlCommandResponse)
                {
                    throw Lose(DetachReason.ProtocolError, $"CONTROL_CMD_RESPONSE answers error {(int)error} although it is allowed");
                }
            }
        }
        finally
        {
            _isSilent = false;
        }

        for (var i = 0; i < count; i++)
        {
            batch.SetResult(in messages[i], _silentErrors[i + 1]);
        }

        return count;
    }

    private void Copy(VmBatch batch, ref readonly BatchMessage message, Dictionary<int, uint> masks, bool answered)
    {
        var bytes = batch.BytesOf(in message);
        if (message.IsMask)
        {
            Renew(bytes, in message, masks);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes[SequenceOffset..], _sequence);
        bytes.CopyTo(_channel.Output);
        Put(message.Kind, message.Length, message.Destination.Length, answered);
    }

    /// <summary>Writes the whole set of events anew: what is on, and what the entries before this one have switched.</summary>
    private void Renew(Span<byte> bytes, ref readonly BatchMessage message, Dictionary<int, uint> masks)
    {
        var owner = message.Vcpu ?? -1;
        if (!masks.TryGetValue(owner, out var mask))
        {
            mask = message.Vcpu is { } known ? _masks.OfVcpu(known) : _masks.OfVm;
        }

        masks[owner] = mask = EventMasks.With(mask, message.EventId, message.Enable);
        _ = message.Vcpu is { } vcpu
            ? _dialect.Write(bytes, _sequence, new ControlEventMask(vcpu, mask))
            : _dialect.Write(bytes, _sequence, new ControlVmEventMask(mask));
    }

    private void Accept(VmBatch batch, ref readonly BatchMessage message, ReadOnlySpan<byte> data)
    {
        if (message.IsMask)
        {
            // The set goes last in both messages (rfc-v5 3.11, 3.14) but is read back through the dialect, which knows.
            AcceptMask(batch.BytesOf(in message)[MessageHeader.Length..], in message);
        }

        if (message.Destination.IsEmpty)
        {
            return;
        }

        if (data.Length != message.Destination.Length)
        {
            throw Malformed(message.Kind, data.Length, message.Destination.Length);
        }

        data.CopyTo(message.Destination.Span);
    }

    private void AcceptMask(ReadOnlySpan<byte> payload, ref readonly BatchMessage message)
    {
        if (message.Vcpu is { } vcpu)
        {
            _dialect.Read(payload, out ControlEventMask events);
            _masks.SetVcpu(vcpu, events.Events);
        }
        else
        {
            _dialect.Read(payload, out ControlVmEventMask events);
            _masks.SetVm(events.Events);
        }
    }

    /// <summary>True when a CMD_ERROR event belongs to the batch that is on its way.</summary>
    private bool TakeSilentError(in EventFrame frame)
    {
        if (!_isSilent || frame.Kind != EventKind.CommandError)
        {
            return false;
        }

        var index = frame.FailedCommandSequence - _windowFirst;
        if (index >= (uint)_windowCount || _window[index].Id != frame.FailedCommandId)
        {
            return false;
        }

        _silentErrors[index] = frame.FailedCommandError;
        _statistics.CommandError();
        return true;
    }
}
