using Kvmi.Protocol.Events;
using Kvmi.Protocol;
using Kvmi.Session.Placement;
using Kvmi.Session.Tests.Support;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Placement;

public class ThreadPlacementTests
{
    [Fact]
    public async Task The_owner_thread_runs_where_it_shall_and_threads_that_it_starts_have_no_priority()
    {
        var processor = AllowedProcessors("/proc/self/status")[^1];
        var priority = CanBeRealTime() ? 1 : 0;
        string? status = null;
        string? stat = null;
        string? statOfChild = null;
        var handler = new TestHandler
        {
            OnEvent = (IIntrospectedVm vm, in EventFrame frame, ref EventReply reply) =>
            {
                status = File.ReadAllText("/proc/thread-self/status");
                stat = File.ReadAllText("/proc/thread-self/stat");
                var child = new Thread(() => statOfChild = File.ReadAllText("/proc/thread-self/stat"));
                child.Start();
                child.Join();
            },
        };
        await using var server = new TestServer(handler, options => options with
        {
            Placement = new ThreadPlacement { Processors = [processor], RealTimePriority = priority, RoundRobin = true },
            EventTimeout = TimeSpan.FromMinutes(5),
        });
        using var peer = FakePeer.Attached(server.Path);
        peer.SendEvent(0, EventBody.Cr(3, 0, 1));
        peer.ReadEventReply(EventKind.Cr);
        await server.Server.StopAsync();
        Assert.Equal([processor], AllowedProcessors(status!.Split('\n')));
        Assert.Equal(priority, Policy(stat!).Priority);
        Assert.Equal(0, Policy(statOfChild!).Priority);
    }

    [Fact]
    public async Task A_processor_that_is_not_there_is_refused_at_the_start()
    {
        var error = await Record.ExceptionAsync(async () =>
        {
            await using var server = new TestServer(new TestHandler(), options => options with { Placement = new ThreadPlacement { Processors = [1023] } });
        });
        Assert.Contains("Processor 1023 is not one that this process may use", Assert.IsType<ThreadPlacementException>(error).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(99)]
    public void A_priority_that_leaves_none_for_the_watchdog_is_refused(int priority)
    {
        var error = Assert.Throws<ThreadPlacementException>(new ThreadPlacement { RealTimePriority = priority }.Verify);
        Assert.Contains("1 to 98", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verifying_leaves_the_calling_thread_alone()
    {
        var before = AllowedProcessors("/proc/thread-self/status");
        new ThreadPlacement { Processors = [before[0]] }.Verify();
        Assert.Equal(before, AllowedProcessors("/proc/thread-self/status"));
    }

    private static bool CanBeRealTime()
    {
        try
        {
            new ThreadPlacement { RealTimePriority = 1 }.Verify();
            return true;
        }
        catch (ThreadPlacementException exception)
        {
            Assert.Contains("CAP_SYS_NICE", exception.Message, StringComparison.Ordinal);
            return false;
        }
    }

    private static IReadOnlyList<int> AllowedProcessors(string file) => AllowedProcessors(File.ReadAllLines(file));

    private static IReadOnlyList<int> AllowedProcessors(string[] status)
    {
        const string Name = "Cpus_allowed_list:";
        Assert.True(ProcessorList.TryParse(status.First(line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..].Trim(), out var processors));
        return processors;
    }

    // proc_pid_stat(5): fields 40 and 41, real-time priority and policy; the name in field 2 may hold spaces.
    private static (int Priority, int Policy) Policy(string stat)
    {
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (int.Parse(fields[37], System.Globalization.CultureInfo.InvariantCulture), int.Parse(fields[38], System.Globalization.CultureInfo.InvariantCulture));
    }
}
