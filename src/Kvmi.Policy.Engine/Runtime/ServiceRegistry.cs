using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What the plugins of one generation publish on one VM: by plugin, type and name. Of the VM's owner thread.</summary>
internal sealed class ServiceRegistry
{
    private const int MaxName = 64;

    // A plugin that publishes without end would hold the memory of the host.
    private const int MaxServices = 1024;

    private readonly Dictionary<(string Plugin, Type Type, string Name), object> _services = [];

    /// <summary>Publishes a service.</summary>
    /// <param name="publisher">The policy that does.</param>
    /// <param name="type">Type under which it is found.</param>
    /// <param name="name">Its name; empty for the only one of its type.</param>
    /// <param name="service">The service.</param>
    public void Publish(PolicyDefinition publisher, Type type, string name, object service)
    {
        ArgumentNullException.ThrowIfNull(service);
        var plugin = publisher.Code.Plugin
            ?? throw new InvalidOperationException($"Policy {publisher.Id} is no plugin's, so it cannot publish {type.Name}.");
        if (name.Length > MaxName)
        {
            throw new InvalidOperationException($"Plugin '{plugin}' publishes {type.Name} under a name of {name.Length} characters; {MaxName} are the most.");
        }

        if (_services.Count >= MaxServices)
        {
            throw new InvalidOperationException($"Plugin '{plugin}' publishes {type.Name}, but {MaxServices} services on one VM are the most.");
        }

        if (!_services.TryAdd((plugin, type, name), service))
        {
            throw new InvalidOperationException($"Plugin '{plugin}' publishes {Text(type, name)} twice on one VM.");
        }
    }

    /// <summary>The service; null when no plugin that the reader requires publishes it.</summary>
    public object? TryFind(PolicyDefinition reader, Type type, string name)
    {
        foreach (var plugin in reader.Requires.Plugins)
        {
            if (_services.TryGetValue((plugin, type, name), out var service))
            {
                return service;
            }
        }

        return null;
    }

    /// <summary>The service.</summary>
    /// <exception cref="InvalidOperationException">No plugin that the reader requires publishes it; the message says what there is.</exception>
    public object Find(PolicyDefinition reader, Type type, string name)
    {
        if (TryFind(reader, type, name) is { } service)
        {
            return service;
        }

        var named = reader.Requires.Plugins.Count == 0 ? "it names none" : string.Join(", ", reader.Requires.Plugins);
        var there = _services.Keys.Where(key => reader.Requires.Plugins.Contains(key.Plugin)).Select(key => Text(key.Type, key.Name)).Take(20).ToList();
        throw new InvalidOperationException(
            $"No plugin of policy {reader.Id}'s requires.plugins ({named}) publishes {Text(type, name)} on this VM"
            + (there.Count == 0 ? "." : $"; there are: {string.Join(", ", there)}."));
    }

    private static string Text(Type type, string name) => name.Length == 0 ? type.Name : $"{type.Name} '{name}'";
}
