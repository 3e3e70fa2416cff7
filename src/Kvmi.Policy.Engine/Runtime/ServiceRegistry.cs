namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What the plugins of one generation publish on one VM.</summary>
internal sealed class ServiceRegistry
{
    private readonly Dictionary<(string Plugin, Type Type), object> _services = [];

    public void Publish(PolicyInstance publisher, Type type, object service)
    {
        var plugin = publisher.Definition.Code.Plugin
            ?? throw new InvalidOperationException($"Policy {publisher.Id} is no plugin's, so it cannot publish {type.Name}.");
        if (!_services.TryAdd((plugin, type), service))
        {
            throw new InvalidOperationException($"Plugin '{plugin}' publishes {type.Name} twice on one VM.");
        }
    }

    public object Find(PolicyInstance reader, Type type)
    {
        foreach (var plugin in reader.Definition.Requires.Plugins)
        {
            if (_services.TryGetValue((plugin, type), out var service))
            {
                return service;
            }
        }

        var named = reader.Definition.Requires.Plugins.Count == 0 ? "it names none" : string.Join(", ", reader.Definition.Requires.Plugins);
        throw new InvalidOperationException(
            $"No plugin of policy {reader.Id}'s requires.plugins ({named}) publishes {type.Name} on this VM.");
    }
}
