using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Containment.Worker.Inside;
using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Microsoft.Win32.SafeHandles;

namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>A worker process from its first line to its last: it is given code, confines itself, and serves its host.</summary>
public static class WorkerMain
{
    /// <summary>Where a worker finds the memory shared with its host.</summary>
    internal const int LaneDescriptor = 3;

    /// <summary>Where it finds its code.</summary>
    internal const int PayloadDescriptor = 4;

    /// <summary>In the environment of a worker: without it, descriptors 3 and 4 may be anything.</summary>
    internal const string Mark = "KVMI_POLICY_WORKER";

    /// <summary>
    /// Serves until the host ends the process. Only for a process that a host started as a worker: it takes over descriptors 3
    /// and 4, and leaves nothing of the process usable for anything else.
    /// </summary>
    /// <returns>Exit code: the worker could not start; what it wrote to stderr says why. A worker that served is ended and never returns.</returns>
    public static int Run()
    {
        if (Environment.GetEnvironmentVariable(Mark) is null)
        {
            Console.Error.WriteLine("A worker is started by kvmi-policy itself, never by hand.");
            return 1;
        }

        // A policy may recurse as deeply in a worker as on the thread of a VM.
        return PolicyThread.Run(RunHere);
    }

    private static int RunHere()
    {
        try
        {
            Serve();
            return 0;
        }
        catch (Exception exception) when (exception is WorkerStartException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(exception.Message);
            return 1;
        }
    }

    private static void Serve()
    {
        var payload = WorkerPayload.Read(ReadPayload());
        WorkerConfinement.DieWith(payload.Parent);
        var memory = LaneMemory.Open(LaneDescriptor);
        _ = NativeMethods.Close(LaneDescriptor);
        var code = new WorkerCode(payload);
        code.LoadAssemblies();
        WorkerWarmth.Prepare();

        // Nothing of the policies has run up to here, and nothing of it runs unconfined.
        var weaknesses = WorkerConfinement.Confine(payload.Headroom);
        var findings = code.MakeFactories();
        new WorkerLoop(memory, payload, code.Factories).Run(new(weaknesses, findings));
    }

    private static byte[] ReadPayload()
    {
        using var file = new SafeFileHandle(PayloadDescriptor, ownsHandle: true);
        var bytes = new byte[RandomAccess.GetLength(file)];
        var read = RandomAccess.Read(file, bytes, 0);
        return read == bytes.Length ? bytes : throw new InvalidDataException("The worker's code was cut short.");
    }
}
