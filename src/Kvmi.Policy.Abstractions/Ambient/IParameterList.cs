namespace Kvmi.Policy;

/// <summary>A parameter of a list type: numbers, address ranges, hashes or strings. Asking for another element type is false.</summary>
public interface IParameterList
{
    /// <summary>Number of elements.</summary>
    int Count { get; }

    /// <summary>Is the number an element, or inside one of the ranges?</summary>
    bool Contains(ulong value);

    /// <summary>Is the hash an element?</summary>
    bool Contains(PageHash hash);

    /// <summary>Is the string an element (ordinal comparison)?</summary>
    bool Contains(string value);
}
