using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Scripting.Cache;

namespace Kvmi.Policy.Host.Loading;

/// <summary>
/// What every verb that loads policies will need whatever its options say, begun on another thread while the command line is read and the log is set
/// up: a start is as long as its longest chain.
/// </summary>
internal static class EarlyWork
{
    /// <summary>Begins it, when the first word is such a verb.</summary>
    /// <param name="arguments">The command line.</param>
    public static void Begin(string[] arguments)
    {
        if (arguments is ["run" or "watch" or "test" or "validate" or "replay", ..])
        {
            // What fails here fails again where it is needed, and is reported there.
            _ = Task.Run(PolicySchema.Prepare);
            _ = Task.Run(CompileCache.Prepare);
        }
    }
}
