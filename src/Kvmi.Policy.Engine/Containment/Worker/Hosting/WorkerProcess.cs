using System.Text;
using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Microsoft.Win32.SafeHandles;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>
/// One worker process and the memory shared with it. One thread at a time; ending it is allowed from any, and leaves no zombie.
/// </summary>
internal sealed unsafe class WorkerProcess
{
    private const int WordsSize = 16 * 1024;
    private const int MaxWords = 400;
    private readonly Lock _gate = new();
    private readonly Func<bool> _hasExited;
    private readonly SafeFileHandle _words;
    private readonly int _id;
    private Task? _end;
    private bool _reaped;
    private int _status;

    private WorkerProcess(int id, LaneMemory memory, SafeFileHandle words)
    {
        _id = id;
        Memory = memory;
        _words = words;
        _hasExited = HasExited;
    }

    /// <summary>Its process id.</summary>
    public int Id => _id;

    /// <summary>What is shared with it.</summary>
    public LaneMemory Memory { get; }

    /// <summary>Starts the program; it says that it is ready on the lane.</summary>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    public static WorkerProcess Start(WorkerSettings settings, SafeFileHandle payload)
    {
        var memory = LaneMemory.Create(out var lane);
        try
        {
            var words = new SafeFileHandle(LaneMemory.SealedFile("kvmi-policy-words", WordsSize), ownsHandle: true);
            try
            {
                var id = WorkerSpawner.Spawn(settings, lane, (int)payload.DangerousGetHandle(), (int)words.DangerousGetHandle());
                return new WorkerProcess(id, memory, words);
            }
            catch
            {
                words.Dispose();
                throw;
            }
        }
        catch
        {
            memory.Dispose();
            throw;
        }
        finally
        {
            _ = NativeMethods.Close(lane);
        }
    }

    /// <summary>Waits for the worker's turn to end.</summary>
    public bool WaitForHostTurn(TimeSpan limit) => Memory.Wait(LaneSide.Host, limit, _hasExited);

    /// <summary>True when it is dead.</summary>
    public bool HasExited()
    {
        lock (_gate)
        {
            return _reaped || Reap(NativeMethods.WaitNoHang);
        }
    }

    /// <summary>How it ended, and the first words that it or its runtime wrote; for messages.</summary>
    public string Describe()
    {
        lock (_gate)
        {
            var how = !_reaped ? "is still running" : (_status & 0x7f) != 0 ? $"ended by signal {_status & 0x7f}" : $"ended with code {_status >> 8}";
            var words = Words();
            return words.Length == 0 ? $"process {_id} {how}" : $"process {_id} {how} and wrote: {words}";
        }
    }

    /// <summary>Ends the process at once; it is reaped in the background.</summary>
    /// <returns>Completes when nothing of it is left.</returns>
    public Task End()
    {
        lock (_gate)
        {
            if (!_reaped)
            {
                // Not reaped, so the number is still this process's.
                _ = NativeMethods.Kill(_id, NativeMethods.SigKill);
            }

            return _end ??= Task.Run(Finish);
        }
    }

    private void Finish()
    {
        int status;
        var reaped = NativeMethods.WaitPid(_id, &status, 0) == _id;
        lock (_gate)
        {
            _status = reaped && !_reaped ? status : _status;
            _reaped = true;
        }
    }

    /// <summary>Lets go of the shared memory; for the thread that used it, after <see cref="End"/>.</summary>
    public void Release()
    {
        Memory.Dispose();
        _words.Dispose();
    }

    private bool Reap(int options)
    {
        int status;
        if (_end is not null || NativeMethods.WaitPid(_id, &status, options) != _id)
        {
            return false;
        }

        _status = status;
        _reaped = true;
        return true;
    }

    private string Words()
    {
        Span<byte> bytes = stackalloc byte[MaxWords];
        var length = _words.IsClosed ? 0 : RandomAccess.Read(_words, bytes, 0);
        var end = bytes[..length].IndexOf((byte)0);
        var text = Encoding.UTF8.GetString(end < 0 ? bytes[..length] : bytes[..end]);
        return string.Concat(text.Trim().Select(letter => char.IsControl(letter) ? ' ' : letter));
    }
}
