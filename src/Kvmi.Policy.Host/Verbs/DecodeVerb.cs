using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Verbs;

internal static class DecodeVerb
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var verb = new Command("decode", "x") { json };
        VerbRunner.Attach(verb, json, (_, _) => Task.FromResult(0));
        return verb;
    }
}
