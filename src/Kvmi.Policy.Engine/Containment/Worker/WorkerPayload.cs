using System.Text;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>
/// What a worker is given before it confines itself: the untrusted policies of one generation, with all their code as bytes,
/// because a worker reads no files. Written by the host, read by the same binary.
/// </summary>
internal sealed record WorkerPayload
{
    /// <summary>Process id of the host: a worker that finds another parent came too late.</summary>
    public required int Parent { get; init; }

    /// <summary>Bytes of memory beyond what the worker has when it confines itself.</summary>
    public required long Headroom { get; init; }

    /// <summary>Seed of the hash functions of state.</summary>
    public required ulong HashSeed { get; init; }

    /// <summary>The policies; their place in the list is their number on the lane.</summary>
    public required IReadOnlyList<WorkerPolicy> Policies { get; init; }

    /// <summary>The plugins that they consist of or require.</summary>
    public required IReadOnlyList<WorkerPlugin> Plugins { get; init; }

    /// <summary>As bytes.</summary>
    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Parent);
        writer.Write(Headroom);
        writer.Write(HashSeed);
        writer.Write(Plugins.Count);
        foreach (var plugin in Plugins)
        {
            Write(writer, plugin);
        }

        writer.Write(Policies.Count);
        foreach (var policy in Policies)
        {
            Write(writer, policy);
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    public static WorkerPayload Read(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes, writable: false), Encoding.UTF8);
        return new WorkerPayload
        {
            Parent = reader.ReadInt32(),
            Headroom = reader.ReadInt64(),
            HashSeed = reader.ReadUInt64(),
            Plugins = ReadList(reader, ReadPlugin),
            Policies = ReadList(reader, ReadPolicy),
        };
    }

    private static void Write(BinaryWriter writer, WorkerPlugin plugin)
    {
        writer.Write(plugin.Id);
        writer.Write(plugin.Path);
        writer.Write(plugin.Assemblies.Count);
        foreach (var (name, image) in plugin.Assemblies)
        {
            writer.Write(name);
            Write(writer, image);
        }
    }

    private static WorkerPlugin ReadPlugin(BinaryReader reader) =>
        new(reader.ReadString(), reader.ReadString(), ReadList(reader, from => (from.ReadString(), ReadBytes(from))));

    private static void Write(BinaryWriter writer, WorkerPolicy policy)
    {
        var definition = policy.Definition;
        writer.Write(definition.Id);
        writer.Write(definition.Version);
        writer.Write(definition.File);
        writer.Write((byte)definition.Mode);
        writer.Write(definition.Budget.Fuel);
        writer.Write(definition.Budget.Memory);
        writer.Write((byte)definition.State.Scope);
        writer.Write(definition.Code.Plugin ?? "");
        writer.Write(definition.Code.PluginType ?? "");
        writer.Write(definition.Requires.Plugins.Count);
        foreach (var plugin in definition.Requires.Plugins)
        {
            writer.Write(plugin);
        }

        writer.Write(definition.Subscriptions.Count);
        foreach (var subscription in definition.Subscriptions)
        {
            writer.Write((int)subscription.Event);
            writer.Write(subscription.Handler ?? "");
        }

        writer.Write(definition.Parameters.Count);
        foreach (var parameter in definition.Parameters.Values)
        {
            WorkerParameters.Write(writer, parameter);
        }

        writer.Write(policy.Script is not null);
        if (policy.Script is { } script)
        {
            writer.Write(script.TypeName);
            writer.Write(script.EntryPoint);
            Write(writer, script.Image);
            Write(writer, script.Symbols);
            writer.Write(script.Files.Count);
            foreach (var file in script.Files)
            {
                writer.Write(file);
            }
        }
    }

    private static WorkerPolicy ReadPolicy(BinaryReader reader)
    {
        var definition = new PolicyDefinition
        {
            Id = reader.ReadString(),
            Version = reader.ReadString(),
            File = reader.ReadString(),
            Mode = (PolicyMode)reader.ReadByte(),
            Budget = new PolicyBudget(reader.ReadInt64(), reader.ReadInt64()),
            State = new PolicyStateSettings((PolicyStateScope)reader.ReadByte(), KeepOnReload: false),
            Code = new PolicyCode { Plugin = OrNull(reader.ReadString()), PluginType = OrNull(reader.ReadString()) },
            Requires = new PolicyRequirements { Plugins = ReadList(reader, from => from.ReadString()) },
            Subscriptions = ReadList(reader, ReadSubscription),
            Parameters = ReadList(reader, WorkerParameters.Read).ToDictionary(parameter => parameter.Name),
            Location = default,
        };
        return new(definition, !reader.ReadBoolean() ? null : new WorkerScript(
            reader.ReadString(),
            reader.ReadString(),
            ReadBytes(reader),
            ReadBytes(reader),
            ReadList(reader, from => from.ReadString())));
    }

    private static PolicySubscription ReadSubscription(BinaryReader reader) => new()
    {
        Event = (EventKind)reader.ReadInt32(),
        Handler = OrNull(reader.ReadString()),
        Filter = EventFilter.Any,
        Location = default,
    };

    private static string? OrNull(string text) => text.Length == 0 ? null : text;

    private static void Write(BinaryWriter writer, byte[] bytes)
    {
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static byte[] ReadBytes(BinaryReader reader) => reader.ReadBytes(reader.ReadInt32());

    private static List<T> ReadList<T>(BinaryReader reader, Func<BinaryReader, T> read)
    {
        var list = new List<T>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            list.Add(read(reader));
        }

        return list;
    }
}
