using System.Reflection;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>A policy class of a plugin: each instance is constructed, then attached.</summary>
internal sealed class PluginPolicyFactory : IPolicyFactory
{
    private readonly string _policyId;
    private readonly Type _type;
    private readonly HandlerBinding[] _handlers;

    public PluginPolicyFactory(PolicyDefinition definition, Type type)
    {
        _policyId = definition.Id;
        _type = type;
        CodeWarmUp.Prepare([type]);
        _handlers = HandlerBinding.Find(definition, type);
    }

    public BoundPolicy Create(IPolicyServices services)
    {
        var step = "constructor";
        try
        {
            const BindingFlags constructor = BindingFlags.DoNotWrapExceptions | BindingFlags.Instance | BindingFlags.Public;
            var instance = (PolicyBase)Activator.CreateInstance(_type, constructor, null, null, null)!;
            step = "OnAttach";
            instance.Attach(services);
            return new(instance, HandlerBinding.Bind(_handlers, instance));
        }
        catch (Exception exception)
        {
            throw new PolicyInitializationException(
                $"policy '{_policyId}': {step} of plugin class {_type.FullName} threw {ExceptionText.Of(exception)}", exception);
        }
    }
}
