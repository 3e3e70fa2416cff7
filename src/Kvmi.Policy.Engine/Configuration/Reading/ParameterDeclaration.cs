using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Type and bounds of a parameter, with conversion of raw values to what scripts get.</summary>
internal sealed record ParameterDeclaration(string Name, ParameterType Type, bool IsList, object? Min, object? Max)
{
    private const int MostElements = 4096;

    public string TypeName => IsList ? $"list<{ParameterTypes.NameOf(Type)}>" : ParameterTypes.NameOf(Type);

    /// <summary>Converts a raw value.</summary>
    /// <param name="raw">As <see cref="PolicyLoadOptions"/> describes.</param>
    /// <param name="value">As <see cref="PolicyParameter.Value"/> describes.</param>
    /// <param name="code">Code of the finding when it fails.</param>
    /// <param name="problem">What was expected and found, without a full stop.</param>
    public bool TryConvert(object raw, out object value, out string code, out string problem)
    {
        value = raw;
        code = FindingCodes.ParameterValue;
        problem = "";
        if (!IsList)
        {
            return TryConvertOne(raw, out value, ref code, out problem);
        }

        if (raw is not IReadOnlyList<object> elements)
        {
            problem = $"expected a list, such as [a, b], found {RawValues.Describe(raw)}";
            return false;
        }

        if (elements.Count > MostElements)
        {
            problem = $"expected at most {MostElements} elements, found {elements.Count}";
            return false;
        }

        var converted = new List<object>(elements.Count);
        foreach (var element in elements)
        {
            if (!TryConvertOne(element, out var one, ref code, out problem))
            {
                return false;
            }

            converted.Add(one);
        }

        value = converted;
        return true;
    }

    private bool TryConvertOne(object raw, out object value, ref string code, out string problem)
    {
        if (!RawValues.TryConvert(raw, Type, out value, out problem))
        {
            return false;
        }

        var belowMin = Min is not null && ((IComparable)value).CompareTo(Min) < 0;
        if (belowMin || (Max is not null && ((IComparable)value).CompareTo(Max) > 0))
        {
            code = FindingCodes.ParameterBounds;
            problem = $"{RawValues.Describe(raw)} is {(belowMin ? "below the smallest" : "above the largest")} value {RawValues.Show(belowMin ? Min! : Max!)}";
            return false;
        }

        return true;
    }
}
