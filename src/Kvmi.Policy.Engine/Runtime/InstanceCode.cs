using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>The last call on a policy's own object.</summary>
internal static class InstanceCode
{
    /// <summary>Calls OnDetach; what it throws is reported.</summary>
    public static void Detach(VmContext context, PolicyInstance instance)
    {
        try
        {
            instance.Code?.Detach();
        }
        catch (Exception exception) when (exception is not VmConnectionLostException)
        {
            instance.Statistics.CountError();
            context.Status("policy-error", instance.Id, $"OnDetach threw {exception.GetType().Name}: {exception.Message}.");
        }
    }
}
