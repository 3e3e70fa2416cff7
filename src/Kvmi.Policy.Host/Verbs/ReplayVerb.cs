using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Verbs;

internal static class ReplayVerb
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var verb = new Command("replay", "x") { json };
        VerbRunner.Attach(verb, json, (_, _) => Task.FromResult(0));
        return verb;
    }
}
