using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The typed parameters of one policy.</summary>
internal sealed class PolicyParameters : IPolicyParameters
{
    private readonly PolicyDefinition _definition;
    private readonly Dictionary<string, ParameterList> _lists = [];

    public PolicyParameters(PolicyDefinition definition) => _definition = definition;

    public bool Bool(string name) => Get<bool>(name, ParameterType.Bool);

    public long Int(string name) => Get<long>(name, ParameterType.Int);

    public string String(string name) => Get<string>(name, ParameterType.String);

    public ulong Gpa(string name) => Get<ulong>(name, ParameterType.Gpa);

    public ulong Gva(string name) => Get<ulong>(name, ParameterType.Gva);

    public TimeSpan Duration(string name) => Get<TimeSpan>(name, ParameterType.Duration);

    public IParameterList List(string name)
    {
        if (name is not null && _lists.TryGetValue(name, out var list))
        {
            return list;
        }

        var parameter = Find(name);
        if (!parameter.IsList || parameter.Value is not IEnumerable<object> values)
        {
            throw Mismatch(parameter, "a list");
        }

        list = new ParameterList(values);
        _lists.Add(parameter.Name, list);
        return list;
    }

    private T Get<T>(string name, ParameterType type)
    {
        var parameter = Find(name);
        return !parameter.IsList && parameter.Type == type && parameter.Value is T value
            ? value
            : throw Mismatch(parameter, TypeName(type));
    }

    private PolicyParameter Find(string? name) =>
        name is not null && _definition.Parameters.TryGetValue(name, out var parameter)
            ? parameter
            : throw new ArgumentException(
                $"Policy {_definition.Id} declares no parameter '{name}'; declared are: "
                + $"{string.Join(", ", _definition.Parameters.Keys.Order(StringComparer.Ordinal))}.",
                nameof(name));

    private ArgumentException Mismatch(PolicyParameter parameter, string wanted)
    {
        var declared = parameter.IsList ? $"list<{TypeName(parameter.Type)}>" : TypeName(parameter.Type);
        return new ArgumentException($"Parameter '{parameter.Name}' of policy {_definition.Id} is declared as {declared}, but is read "
            + $"as {wanted}.");
    }

    private static string TypeName(ParameterType type) => type == ParameterType.GpaRange ? "gpa-range" : type.ToString().ToLowerInvariant();
}
