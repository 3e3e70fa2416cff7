using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Verbs;

internal static class TestVerb
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var verb = new Command("test", "x") { json };
        VerbRunner.Attach(verb, json, (_, _) => Task.FromResult(0));
        return verb;
    }
}
