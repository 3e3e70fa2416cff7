using static Kvmi.Policy.Engine.Containment.Worker.NativeMethods;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>
/// The system calls that a confined worker has left: memory, threads, time, and waiting on the shared memory. Everything else
/// answers EPERM: no file, socket, process, signal to others, not even those that Linux will have one day.
/// </summary>
internal static unsafe class SystemCallFilter
{
    private const uint X64 = 0xC000003E;
    private const uint X32 = 0x40000000;
    private const uint Allow = 0x7FFF0000;
    private const uint KillProcess = 0x80000000;
    private const uint NotPermitted = 0x00050001;
    private const uint NoSuchCall = 0x00050026;
    private const uint CloneThread = 0x10000;
    private const uint SetName = 15;
    private const uint SetMemoryName = 0x53564D41;
    private const int FilterMode = 1;
    private const int AllThreads = 1;

    private const ushort LoadWord = 0x20;
    private const ushort JumpIfEqual = 0x15;
    private const ushort JumpIfNotLess = 0x35;
    private const ushort JumpIfSet = 0x45;
    private const ushort Return = 0x06;

    // Offsets in struct seccomp_data; the low half of an argument is enough for the ones that are looked at.
    private const uint Number = 0;
    private const uint Processor = 4;
    private const uint FirstArgument = 16;

    private const uint TgKill = 234;
    private const uint Clone = 56;
    private const uint Clone3 = 435;
    private const uint ProcessControl = 157;

    // What the runtime needs to compile, collect, sleep and end. read, write and close reach only what is open already.
    private static readonly uint[] Allowed =
    [
        0, 1, 3,             // read, write, close
        9, 10, 11, 12,       // mmap, mprotect, munmap, brk
        13, 14, 15, 131,     // rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack
        24, 25, 27, 28,      // sched_yield, mremap, mincore, madvise
        35, 219, 230,        // nanosleep, restart_syscall, clock_nanosleep
        39, 186,             // getpid, gettid
        60, 231,             // exit, exit_group
        96, 201, 228, 229,   // gettimeofday, time, clock_gettime, clock_getres
        97, 98, 99,          // getrlimit, getrusage, sysinfo
        158, 218, 273, 334,  // arch_prctl, set_tid_address, set_robust_list, rseq
        202, 324,            // futex, membarrier
        204, 309,            // sched_getaffinity, getcpu
        318,                 // getrandom
    ];

    /// <summary>Puts the filter on all threads of the process.</summary>
    /// <returns>Why that is impossible; null when it holds.</returns>
    public static string? Install()
    {
        if (!WorkerConfinement.IsSupported)
        {
            return "it exists for x86-64 alone";
        }

        var steps = Build();
        fixed (FilterStep* first = steps)
        {
            var program = new FilterProgram { Length = (ushort)steps.Length, Steps = first };
            var result = Seccomp(SeccompCall, FilterMode, AllThreads, &program);
            return result == 0 ? null : result < 0 ? LastError() : $"thread {result} cannot be filtered";
        }
    }

    private static FilterStep[] Build()
    {
        var steps = new List<FilterStep>
        {
            Step(LoadWord, Processor),
            Step(JumpIfEqual, X64, 1, 0),
            Step(Return, KillProcess),
            Step(LoadWord, Number),
            Step(JumpIfNotLess, X32, 0, 1),
            Step(Return, NotPermitted),
        };
        foreach (var call in Allowed)
        {
            steps.AddRange([Step(JumpIfEqual, call, 0, 1), Step(Return, Allow)]);
        }

        steps.AddRange(
        [
            // Its flags lie in memory, where a filter cannot look; the C library falls back to clone.
            Step(JumpIfEqual, Clone3, 0, 1),
            Step(Return, NoSuchCall),

            Step(JumpIfEqual, Clone, 0, 4),
            Step(LoadWord, FirstArgument),
            Step(JumpIfSet, CloneThread, 0, 1),
            Step(Return, Allow),
            Step(Return, NotPermitted),

            Step(JumpIfEqual, TgKill, 0, 4),
            Step(LoadWord, FirstArgument),
            Step(JumpIfEqual, (uint)Environment.ProcessId, 0, 1),
            Step(Return, Allow),
            Step(Return, NotPermitted),

            Step(JumpIfEqual, ProcessControl, 0, 5),
            Step(LoadWord, FirstArgument),
            Step(JumpIfEqual, SetName, 1, 0),
            Step(JumpIfEqual, SetMemoryName, 0, 1),
            Step(Return, Allow),
            Step(Return, NotPermitted),

            Step(Return, NotPermitted),
        ]);
        return [.. steps];
    }

    private static FilterStep Step(ushort code, uint value, byte ifTrue = 0, byte ifFalse = 0) =>
        new() { Code = code, Value = value, True = ifTrue, False = ifFalse };
}
