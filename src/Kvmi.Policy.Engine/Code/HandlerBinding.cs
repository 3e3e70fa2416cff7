using System.Reflection;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Code;

/// <summary>The method behind one subscription and the delegate type that the dispatcher calls it through.</summary>
/// <param name="Method">Null where the subscription's <c>then</c> decides.</param>
/// <param name="DelegateType">The closed <see cref="PolicyHandler{TEvent}"/>.</param>
internal readonly record struct HandlerBinding(MethodInfo? Method, Type DelegateType)
{
    private const BindingFlags AnyMethod = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Finds the handlers of all subscriptions; <see cref="HandlerCheck"/> has accepted them before.</summary>
    public static HandlerBinding[] Find(PolicyDefinition definition, Type type)
    {
        var bindings = new HandlerBinding[definition.Subscriptions.Count];
        for (var i = 0; i < bindings.Length; i++)
        {
            var subscription = definition.Subscriptions[i];
            var eventType = PolicyEvents.Find(subscription.Event)!.HandlerType;
            var method = subscription.Handler is not { } name ? null : FindMethod(type, name, eventType)
                ?? throw new MissingMethodException(type.FullName, name);
            bindings[i] = new(method, typeof(PolicyHandler<>).MakeGenericType(eventType));
        }

        return bindings;
    }

    /// <summary>The method of a name that takes an event; null when there is none.</summary>
    public static MethodInfo? FindMethod(Type type, string name, Type eventType) => type.GetMethod(name, AnyMethod, [eventType]);

    /// <summary>Binds the handlers to an instance.</summary>
    public static Delegate?[] Bind(HandlerBinding[] bindings, object? instance) =>
        Array.ConvertAll(bindings, binding => binding.Method is null
            ? null
            : Delegate.CreateDelegate(binding.DelegateType, binding.Method.IsStatic ? null : instance, binding.Method));
}
