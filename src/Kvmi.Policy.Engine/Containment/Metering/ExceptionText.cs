namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>
/// What an exception of a policy says. Its message may be code of the policy, which is asked for it when the run is over: it runs within a
/// small budget of its own, may throw, and gives no more text than a line holds.
/// </summary>
internal static class ExceptionText
{
    /// <summary>Longer messages are cut, in characters.</summary>
    public const int MaxLength = 512;

    private const long Fuel = 10_000;
    private const long Memory = 8 * 1024 * 1024;

    /// <summary>Name and message of an exception. Ends the run that the thread's meter has under way.</summary>
    public static string Of(Exception exception)
    {
        var name = exception.GetType().Name;
        var meter = ScriptMeter.Current;
        string message;
        meter.Begin(Fuel, Memory);
        try
        {
            message = exception.Message ?? "";
        }
        catch (Exception second)
        {
            // The second one's message is not asked for: it may be the same code.
            message = $"(its message cannot be read: {second.GetType().Name})";
        }
        finally
        {
            meter.End();
        }

        return $"{name}: {(message.Length <= MaxLength ? message : $"{message[..MaxLength]}... ({message.Length} characters)")}";
    }
}
