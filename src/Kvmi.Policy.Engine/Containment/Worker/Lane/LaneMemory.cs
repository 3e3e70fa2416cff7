using System.Runtime.CompilerServices;

namespace Kvmi.Policy.Engine.Containment.Worker.Lane;

/// <summary>
/// The memory that a host and one worker share: whose turn it is, and one message. Each side writes only in its turn; the host
/// takes nothing from it but by <see cref="Receive"/>, which copies first, because a hostile worker writes whenever it likes.
/// </summary>
internal sealed unsafe class LaneMemory : IDisposable
{
    /// <summary>Longest message: an event, or a piece of guest memory of 64 KiB, with its envelope.</summary>
    public const int Capacity = Size - DataOffset;

    private const int Size = 128 * 1024;

    // A cache line each: the two sides poll them.
    private const int TurnOffset = 0;
    private const int HostSleepsOffset = 64;
    private const int WorkerSleepsOffset = 128;
    private const int LengthOffset = 192;
    private const int DataOffset = 256;

    private const int FutexWait = 0;
    private const int FutexWake = 1;
    private const int MemfdFlags = 3;
    private const int AddSeals = 1033;
    private const int SealSizeAndSeals = 1 | 2 | 4;
    private const int ReadWrite = 3;
    private const int Shared = 1;

    private static readonly long SpinTicks = Environment.ProcessorCount == 1 ? 0 : TimeProvider.System.TimestampFrequency / 20_000;

    // Between two looks for the death of the other side; who waits without a limit does not look.
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan IdleSleep = TimeSpan.FromMilliseconds(900);

    private readonly Lock _gate = new();
    private byte* _memory;

    private LaneMemory(byte* memory) => _memory = memory;

    /// <summary>Makes the memory. Its size is sealed: a worker that cut it short would end the host by SIGBUS.</summary>
    /// <param name="descriptor">Descriptor to pass on; the caller's, closed on exec.</param>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    public static LaneMemory Create(out int descriptor)
    {
        descriptor = SealedFile("kvmi-policy-lane", Size);
        try
        {
            return Open(descriptor);
        }
        catch
        {
            _ = NativeMethods.Close(descriptor);
            throw;
        }
    }

    /// <summary>Maps the memory behind a descriptor.</summary>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    public static LaneMemory Open(int descriptor)
    {
        var memory = NativeMethods.Mmap(0, Size, ReadWrite, Shared, descriptor, 0);
        return memory != -1
            ? new((byte*)memory)
            : throw new WorkerStartException($"the shared memory cannot be mapped: {NativeMethods.LastError()}");
    }

    /// <summary>Makes a memory file whose size nobody can change.</summary>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    public static int SealedFile(string name, long size)
    {
        var descriptor = NativeMethods.MemfdCreate(name, MemfdFlags);
        if (descriptor < 0)
        {
            throw new WorkerStartException($"shared memory cannot be made: {NativeMethods.LastError()}");
        }

        if (NativeMethods.Ftruncate(descriptor, size) == 0 && NativeMethods.Fcntl(descriptor, AddSeals, SealSizeAndSeals) >= 0)
        {
            return descriptor;
        }

        var problem = NativeMethods.LastError();
        _ = NativeMethods.Close(descriptor);
        throw new WorkerStartException($"shared memory of {size} bytes cannot be sealed: {problem}");
    }

    /// <summary>Starts a message; for the side whose turn it is.</summary>
    public LaneWriter Write() => new(new Span<byte>(_memory + DataOffset, Capacity));

    /// <summary>Hands the turn over with the message.</summary>
    public void Hand(LaneSide to, int length)
    {
        Volatile.Write(ref Unsafe.AsRef<int>(_memory + LengthOffset), length);
        Interlocked.Exchange(ref Word(TurnOffset), (uint)to);
        if (Volatile.Read(ref Word(Sleeps(to))) != 0)
        {
            _ = NativeMethods.Futex(NativeMethods.FutexCall, Pointer(TurnOffset), FutexWake, 1, null, 0, 0);
        }
    }

    /// <summary>Waits for a side's turn: a short while at full speed, then asleep.</summary>
    /// <param name="side">The waiting side.</param>
    /// <param name="limit">Longest wait, of real time; <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="isGone">Asked now and then while asleep: is the other side dead?</param>
    /// <returns>False when the time is up or the other side is gone.</returns>
    public bool Wait(LaneSide side, TimeSpan limit, Func<bool>? isGone)
    {
        // The other side is a process in real time, whatever clock the policies see.
        var clock = TimeProvider.System;
        var started = clock.GetTimestamp();
        while (clock.GetTimestamp() - started < SpinTicks)
        {
            if (Volatile.Read(ref Word(TurnOffset)) == (uint)side)
            {
                return true;
            }

            Thread.SpinWait(10);
        }

        while (true)
        {
            var left = limit == Timeout.InfiniteTimeSpan ? IdleSleep : limit - clock.GetElapsedTime(started);
            var longest = limit == Timeout.InfiniteTimeSpan ? IdleSleep : LongestSleep;
            if (Sleep(side, left < longest ? left : longest))
            {
                return true;
            }

            if (isGone?.Invoke() == true || left <= TimeSpan.Zero)
            {
                return Volatile.Read(ref Word(TurnOffset)) == (uint)side;
            }
        }
    }

    /// <summary>Copies the message out.</summary>
    /// <param name="into">At least <see cref="Capacity"/> bytes.</param>
    /// <returns>Its length; -1 when the length is impossible.</returns>
    public int Receive(Span<byte> into)
    {
        var length = Volatile.Read(ref Unsafe.AsRef<int>(_memory + LengthOffset));
        if (length is < 0 or > Capacity)
        {
            return -1;
        }

        new ReadOnlySpan<byte>(_memory + DataOffset, length).CopyTo(into);
        return length;
    }

    /// <summary>Takes the mapping away. Nobody may be waiting on it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_memory is not null)
            {
                _ = NativeMethods.Munmap((nint)_memory, Size);
                _memory = null;
            }
        }
    }

    private static int Sleeps(LaneSide side) => side == LaneSide.Host ? HostSleepsOffset : WorkerSleepsOffset;

    private bool Sleep(LaneSide side, TimeSpan time)
    {
        // Said before the turn is looked at again, so that the other side either sees it or is seen.
        Interlocked.Exchange(ref Word(Sleeps(side)), 1);
        var turn = Volatile.Read(ref Word(TurnOffset));
        if (turn != (uint)side && time > TimeSpan.Zero)
        {
            var timeout = new NativeMethods.TimeSpec { Nanoseconds = (long)time.TotalNanoseconds };
            _ = NativeMethods.Futex(NativeMethods.FutexCall, Pointer(TurnOffset), FutexWait, (nint)turn, &timeout, 0, 0);
        }

        Volatile.Write(ref Word(Sleeps(side)), 0);
        return Volatile.Read(ref Word(TurnOffset)) == (uint)side;
    }

    private ref uint Word(int offset) => ref Unsafe.AsRef<uint>(_memory + offset);

    private uint* Pointer(int offset) => (uint*)(_memory + offset);
}
