using System.CommandLine;
using Kvmi.Policy.Engine.Containment.Worker;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>worker: what this program is when it runs untrusted policies for a host. Not for people, so it is not in the help.</summary>
internal static class WorkerVerb
{
    public const string Name = "worker";

    public static Command Create()
    {
        // No log and no stdout of its own: what it writes, its host reports.
        var verb = new Command(Name, "Run untrusted policies for another kvmi-policy; never started by hand") { Hidden = true };
        verb.SetAction(_ => WorkerMain.Run());
        return verb;
    }
}
