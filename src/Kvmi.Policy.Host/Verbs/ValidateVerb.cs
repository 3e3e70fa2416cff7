using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;

namespace Kvmi.Policy.Host.Verbs;

internal static class ValidateVerb
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var verb = new Command("validate", "x") { json };
        VerbRunner.Attach(verb, json, (_, _) => Task.FromResult(0));
        return verb;
    }
}
