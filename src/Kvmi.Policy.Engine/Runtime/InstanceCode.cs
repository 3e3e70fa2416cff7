using System.Runtime.ExceptionServices;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Model;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>The first and the last call on a policy's own object. Both lend the thread.</summary>
internal static class InstanceCode
{
    /// <summary>Makes the policy's object; what it throws goes on.</summary>
    public static BoundPolicy Start(VmContext context, PolicyInstance instance, IPolicyFactory factory)
    {
        BoundPolicy? bound = null;
        Exception? failure = null;
        context.Foreign.Begin(instance, ForeignCall.Start, PolicyBudget.StartTimeout);
        try
        {
            bound = factory.Create(instance.Services);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        context.Foreign.End();
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        return bound!;
    }

    /// <summary>Calls OnDetach; what it throws is reported.</summary>
    public static void Detach(VmContext context, PolicyInstance instance)
    {
        if (instance.IsHung || instance.Code is not { } code)
        {
            return;
        }

        Exception? failure = null;
        var failureText = "";
        context.Foreign.Begin(instance, ForeignCall.Detach, PolicyBudget.DetachTimeout);
        try
        {
            code.Detach();
        }
        catch (Exception exception)
        {
            failure = exception;
            failureText = ExceptionText.Of(exception);
        }

        context.Foreign.End();
        if (failure is VmConnectionLostException)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        if (failure is not null)
        {
            instance.Statistics.CountError();
            context.Status("policy-error", instance.Id, $"OnDetach threw {failureText}.");
        }
    }
}
