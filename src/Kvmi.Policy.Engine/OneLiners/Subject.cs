namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>What stands in front of when: the event, and what its brackets say about it.</summary>
internal sealed class Subject
{
    /// <summary>Filters, in the order in which they were given.</summary>
    public List<FilterPart> Filters { get; } = [];

    /// <summary>Conditions that no filter can say.</summary>
    public List<Expression> Conditions { get; } = [];

    /// <summary>What an event must have to be meant.</summary>
    public List<Demand> Demands { get; } = [];

    /// <summary>Finds a filter; null when it was not given.</summary>
    public FilterPart? Find(string key) => Filters.Find(part => part.Key == key);

    /// <summary>Adds a condition: as a filter when it can be one.</summary>
    public void Add(Expression condition)
    {
        if (condition.Filter is { } filter && Find(filter.Key) is null)
        {
            Filters.Add(filter with { Position = condition.Position });
        }
        else
        {
            Conditions.Add(condition);
        }
    }
}
