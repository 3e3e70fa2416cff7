using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Code;

/// <summary>A policy whose subscriptions all decide by <c>then</c>: there is nothing to make.</summary>
internal sealed class ThenPolicyFactory : IPolicyFactory
{
    private readonly BoundPolicy _bound;

    public ThenPolicyFactory(PolicyDefinition definition) => _bound = new(null, new Delegate?[definition.Subscriptions.Count]);

    public BoundPolicy Create(IPolicyServices services) => _bound;
}
