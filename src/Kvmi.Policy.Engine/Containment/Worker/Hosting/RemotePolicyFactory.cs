using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime.Services;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>A policy whose code runs in the worker of each VM; here are only its handlers' names.</summary>
/// <param name="pool">The workers.</param>
/// <param name="definition">The policy.</param>
/// <param name="index">Its number in the workers.</param>
internal sealed class RemotePolicyFactory(WorkerPool pool, PolicyDefinition definition, ushort index) : IPolicyFactory
{
    public BoundPolicy Create(IPolicyServices services)
    {
        if (services is not PolicyServices own)
        {
            throw new InvalidOperationException($"Policy {definition.Id} is untrusted: it runs only with the engine's own services.");
        }

        try
        {
            var lane = pool.LaneOf(own.Context);
            var policy = new RemotePolicy(lane, definition, index, own);
            lane.Attach(policy);
            return new(policy, policy.Handlers);
        }
        catch (WorkerStartException exception)
        {
            throw new PolicyInitializationException($"policy '{definition.Id}': its worker does not start: {exception.Message}", exception);
        }
    }
}
