using System.Globalization;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases.Journal;

/// <summary>
/// The journal of one VM: what its policies wrote into its memory, in a file that outlives this process. The file is made with the first
/// patch and removed when none is left. Nothing is flushed to the disk: a crash of the process leaves what was written in the hands
/// of the kernel, and what takes the host down takes the guest along. For the VM's owner thread.
/// </summary>
internal sealed class PatchJournal : IDisposable
{
    private readonly string _path;
    private readonly Guid _uuid;
    private readonly long _start;
    private readonly int _maxLength;
    private readonly PatchStack _live = new();
    private FileStream? _file;
    private long _length;

    /// <summary>Names the journal; nothing is opened.</summary>
    /// <param name="directory">State directory: it exists, and only this user can enter it.</param>
    /// <param name="vm">The VM.</param>
    /// <param name="maxLength">The file is written anew when it gets longer.</param>
    public PatchJournal(string directory, VmIdentity vm, int maxLength = JournalFormat.MaxLength)
    {
        _path = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{vm.Uuid:D}.patches"));
        _uuid = vm.Uuid;
        _start = vm.StartTime?.ToUnixTimeSeconds() ?? 0;
        _maxLength = maxLength;
    }

    /// <summary>Why the last attempt to write failed.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Looks for a journal that an earlier connection or process left behind, and takes it over when it is of this very VM.</summary>
    /// <param name="discarded">Why a journal was thrown away or could not be read; null when there was none, or all is well.</param>
    /// <returns>The patches that are still in the guest, in the order in which they were written; they stay in the journal.</returns>
    public PatchStack Recover(out string? discarded)
    {
        discarded = null;
        var nothing = new PatchStack();
        try
        {
            if (!File.Exists(_path))
            {
                return nothing;
            }

            var file = Open(FileMode.Open);
            if (file.Length > 2L * JournalFormat.MaxLength)
            {
                discarded = $"it has {file.Length} bytes, and no journal gets that long";
                return Discard(file);
            }

            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            if (!JournalFormat.TryReadHeader(bytes, out var uuid, out var start) || uuid != _uuid)
            {
                discarded = "it does not begin as a journal of this VM";
                return Discard(file);
            }

            if (start != _start || _start == 0)
            {
                discarded = _start == 0
                    ? "the device manager does not tell when the VM was started, so it may have been reset since"
                    : "the VM was reset or started anew since";
                return Discard(file);
            }

            _file = file;
            var left = JournalReader.Replay(bytes, out var length);
            for (var i = 0; i < left.Count; i++)
            {
                _live.Add(left[i]);
            }

            Renew(length);
            return left;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            discarded = $"it cannot be read: {exception.Message}";
            Close();
            return nothing;
        }
    }

    /// <summary>Notes a patch that is about to be written.</summary>
    /// <returns>False when it could not be noted; <see cref="Problem"/> says why, and the guest must not be written.</returns>
    public bool TryAdd(MemoryPatch patch)
    {
        if (!TryAppend(position => JournalFormat.Added(position, patch)))
        {
            return false;
        }

        _live.Add(patch);
        return true;
    }

    /// <summary>Notes other bytes for a patch, before they are written.</summary>
    /// <returns>As <see cref="TryAdd"/>.</returns>
    public bool TryRewrite(MemoryPatch patch, ReadOnlySpan<byte> bytes)
    {
        var copy = bytes.ToArray();
        return TryAppend(position => JournalFormat.Rewritten(position, patch.Id, copy));
    }

    /// <summary>The patch is out of the guest. When that cannot be noted the journal keeps it, which a later look at the guest's bytes makes good.</summary>
    public void Remove(MemoryPatch patch)
    {
        var index = _live.IndexOf(patch.Id);
        if (index < 0)
        {
            return;
        }

        // The stack of the live patches has moved the former bytes already; this one only counts what is left.
        _live.TakeOut(index, new bool[patch.Length]);
        if (_live.Count == 0)
        {
            Delete();
        }
        else
        {
            // A journal that was written anew for this does not hold the patch any more.
            var isWrittenAnew = _length > _maxLength;
            TryAppend(position => isWrittenAnew ? null : JournalFormat.Removed(position, patch.Id));
        }
    }

    /// <summary>Lets go of the file; it stays where it is when patches are left in the guest.</summary>
    public void Dispose() => Close();

    private bool TryAppend(Func<long, byte[]?> record)
    {
        try
        {
            if (_file is null)
            {
                MakeDirectory();
                _file = Open(FileMode.Create);
                _length = 0;
                Write(JournalFormat.Header(_uuid, _start));
            }
            else if (_length > _maxLength)
            {
                Rebuild();
            }

            if (record(_length) is { } bytes)
            {
                Write(bytes);
            }

            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Problem = exception.Message;
            CutBack();
            return false;
        }
    }

    /// <summary>
    /// What was cut off at the end of a journal that was taken over must not come before new records. Where there is no room for a new file the old one goes on
    /// behind its last good record: what is in it has to come out of the guest, disk or no disk.
    /// </summary>
    private void Renew(int length)
    {
        try
        {
            Rebuild();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Problem = exception.Message;
            _length = length;
            CutBack();
        }
    }

    /// <summary>Writes what is live and nothing else. The old journal stays whole until the new one has taken its name.</summary>
    private void Rebuild()
    {
        var old = _file;
        var fresh = _path + ".new";
        var file = new FileStream(fresh, Options(FileMode.Create));
        try
        {
            _file = file;
            _length = 0;
            Write(JournalFormat.Header(_uuid, _start));
            for (var i = 0; i < _live.Count; i++)
            {
                Write(JournalFormat.Added(_length, _live[i]));
            }

            File.Move(fresh, _path, overwrite: true);
            old?.Dispose();
        }
        catch
        {
            file.Dispose();
            _file = old;
            _length = old?.Length ?? 0;
            File.Delete(fresh);
            throw;
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file!.SafeFileHandle, bytes, _length);
        _length += bytes.Length;
    }

    /// <summary>A record that was written in part must not stand before the next one.</summary>
    private void CutBack()
    {
        if (_file is null)
        {
            return;
        }

        if (_length < JournalFormat.HeaderLength)
        {
            Delete();
            return;
        }

        try
        {
            RandomAccess.SetLength(_file.SafeFileHandle, _length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next record is written over the same place; a rest behind it has no valid checksum and ends the replay there.
            Problem = $"{Problem}; then {exception.Message}";
        }
    }

    private PatchStack Discard(FileStream file)
    {
        File.Delete(_path);
        file.Dispose();
        return new PatchStack();
    }

    private void Delete()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What stays is true as far as it goes: the next look compares it with the guest's bytes and finds nothing to do.
            Problem = exception.Message;
        }

        Close();
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
        _length = 0;
    }

    private void MakeDirectory()
    {
        var directory = Path.GetDirectoryName(_path)!;
        if (!Directory.Exists(directory) && !OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private FileStream Open(FileMode mode) => new(_path, Options(mode));

    // No sharing is a lock: two hosts on one state directory must not write one journal.
    private static FileStreamOptions Options(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (mode != FileMode.Open && !OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }
}
