using System.Buffers;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>
/// JSON lines in a file. When it would grow beyond its size it becomes NAME.1, the one before NAME.2, and so on. A line is in the file completely
/// or not at all: what a full disk cut off is taken away again.
/// </summary>
internal sealed class FileSink : IRecordSink
{
    private const long MiB = 1024 * 1024;

    private readonly string _path;
    private readonly long _maxSize;
    private readonly int _keep;
    private readonly bool _sync;
    private readonly JsonLineRenderer _renderer = new();
    private readonly ArrayBufferWriter<byte> _lines = new(4096);
    private readonly ArrayBufferWriter<byte> _line = new(1024);
    private FileStream? _file;

    private FileSink(string path, long maxSize, int keep, bool sync)
    {
        _path = path;
        _maxSize = maxSize;
        _keep = keep;
        _sync = sync;
    }

    public int MaxBatch => 256;

    /// <summary>Reads target and options.</summary>
    public static Func<TimeProvider, IRecordSink> Read(string target, SinkOptionList options)
    {
        var path = Path.GetFullPath(target);
        var maxSize = options.TakeSize("max-size", 4096, 1024 * 1024 * MiB, 64 * MiB);
        var keep = (int)options.TakeNumber("keep", 1, 1000, 7);
        var sync = options.TakeWord("sync", Enum.GetValues<FileSync>(), FileSync.Never) == FileSync.Always;
        return _ => new FileSink(path, maxSize, keep, sync).Start();
    }

    public ValueTask DeliverAsync(SinkBatch batch, CancellationToken cancellation)
    {
        // Somebody may have renamed or removed it, as logrotate does.
        if (_file is not null && !File.Exists(_path))
        {
            Dispose();
        }

        _lines.ResetWrittenCount();
        var count = 0;
        foreach (var record in batch.Records.Skip(batch.Delivered).ToArray())
        {
            cancellation.ThrowIfCancellationRequested();
            _line.ResetWrittenCount();
            _renderer.Render(record, _line);
            var size = Open().Length + _lines.WrittenCount;
            if (size > 0 && size + _line.WrittenCount > _maxSize)
            {
                Flush(batch, ref count);
                Rotate();
            }

            _lines.Write(_line.WrittenSpan);
            count++;
        }

        Flush(batch, ref count);
        return ValueTask.CompletedTask;
    }

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    // A file that cannot be had is told at the start, not with the first alert.
    private FileSink Start()
    {
        try
        {
            Open();
            return this;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HostEnvironmentException($"--sink file:{_path}: the file cannot be written: {exception.Message}", exception);
        }
    }

    private void Flush(SinkBatch batch, ref int count)
    {
        if (_lines.WrittenCount > 0)
        {
            Append(_lines.WrittenSpan);
            _lines.ResetWrittenCount();
        }

        batch.Delivered += count;
        count = 0;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        var file = Open();
        var before = file.Length;
        try
        {
            file.Seek(before, SeekOrigin.Begin);
            file.Write(bytes);
            if (_sync)
            {
                file.Flush(flushToDisk: true);
            }
        }
        catch
        {
            CutOff(file, before);
            throw;
        }
    }

    private void CutOff(FileStream file, long length)
    {
        try
        {
            file.SetLength(length);
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or UnauthorizedAccessException)
        {
            // The disk does not even take that; the next opening ends the line. What made the write fail is what is told.
        }
        finally
        {
            Dispose();
        }
    }

    private FileStream Open()
    {
        if (_file is not null)
        {
            return _file;
        }

        var how = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        }

        var file = new FileStream(_path, how);
        try
        {
            if (!file.CanSeek)
            {
                throw new IOException("it is no regular file; a stream socket takes lines too: stream:unix:PATH");
            }

            Lock(file);
            EndLine(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        return _file = file;
    }

    // Of the whole file, for as long as it is open: two hosts would write over each other's lines. Readers do not mind.
    private static void Lock(FileStream file)
    {
        if (!OperatingSystem.IsMacOS())
        {
            file.Lock(0, 0);
        }
    }

    // A process that was killed in the middle of a line must not spoil the next one.
    private static void EndLine(FileStream file)
    {
        if (file.Length > 0)
        {
            file.Seek(-1, SeekOrigin.End);
            if (file.ReadByte() != '\n')
            {
                file.WriteByte((byte)'\n');
            }
        }
    }

    private void Rotate()
    {
        Dispose();
        for (var number = _keep; number > 0; number--)
        {
            var from = number == 1 ? _path : $"{_path}.{number - 1}";
            if (File.Exists(from))
            {
                File.Move(from, $"{_path}.{number}", overwrite: true);
            }
        }
    }
}
