using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>How many bytes of stack a variable of each type takes at most; an estimate from above, in which a reference counts 8.</summary>
/// <remarks>
/// A method's stack frame is taken before its first instruction runs, so nothing that a script is instrumented with can stop one that is too
/// large: its values must be small when it is loaded.
/// </remarks>
internal sealed class ValueSizes(MetadataReader metadata) : ISignatureTypeProvider<ValueSizes.Entry, ImmutableArray<long>>
{
    /// <summary>Larger values are refused, in bytes.</summary>
    public const long MaxValue = 4096;

    /// <summary>Largest argument for a type parameter of the assembly's own code, in bytes.</summary>
    public const long MaxArgument = 512;

    private const long Reference = 8;
    private const long UnknownStruct = 64;
    private const int MaxDepth = 64;
    private const byte ValueTypeKind = 0x11;

    private readonly Dictionary<(TypeDefinitionHandle Type, long Arguments), long> _known = [];
    private int _depth;

    /// <summary>A type in a signature.</summary>
    /// <param name="Size">Bytes of a variable.</param>
    /// <param name="Own">The definition, for a type of this assembly.</param>
    /// <param name="IsValue">True for structs.</param>
    /// <param name="IsOpen">True when a type parameter is part of it.</param>
    /// <param name="Grows">
    /// True when own generic code is used with a large struct. One that is built from a type parameter counts as large, because each level of a
    /// recursion would have a larger one.
    /// </param>
    internal readonly record struct Entry(long Size, TypeDefinitionHandle Own, bool IsValue, bool IsOpen, bool Grows);

    public Entry GetPrimitiveType(PrimitiveTypeCode typeCode) => new(typeCode == PrimitiveTypeCode.TypedReference ? 2 * Reference : Reference, default, true, false, false);

    public Entry GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        rawTypeKind == ValueTypeKind ? new(OfDefinition(handle, []), handle, true, false, false) : new(Reference, handle, false, false, false);

    public Entry GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
        rawTypeKind == ValueTypeKind ? new(UnknownStruct, default, true, false, false) : new(Reference, default, false, false, false);

    public Entry GetTypeFromSpecification(MetadataReader reader, ImmutableArray<long> genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        throw new BadImageFormatException("a type specification refers to another one");

    public Entry GetGenericInstantiation(Entry genericType, ImmutableArray<Entry> typeArguments)
    {
        var open = typeArguments.Any(argument => argument.IsOpen);
        var grows = typeArguments.Any(argument => argument.Grows)
            || (!genericType.Own.IsNil && typeArguments.Any(argument => argument is { IsValue: true, Size: > MaxArgument }));
        if (!genericType.IsValue)
            return new(Reference, genericType.Own, false, open, grows);

        var size = genericType.Own.IsNil
            ? Sum([UnknownStruct, .. typeArguments.Select(argument => argument.Size)])
            : OfDefinition(genericType.Own, [.. typeArguments.Select(argument => argument.Size)]);
        return new(size, genericType.Own, true, open, grows);
    }

    public Entry GetGenericTypeParameter(ImmutableArray<long> genericContext, int index) =>
        new(index < genericContext.Length ? genericContext[index] : MaxArgument, default, true, true, false);

    public Entry GetGenericMethodParameter(ImmutableArray<long> genericContext, int index) => new(MaxArgument, default, true, true, false);

    public Entry GetSZArrayType(Entry elementType) => elementType with { Size = Reference, IsValue = false, Own = default };

    public Entry GetArrayType(Entry elementType, ArrayShape shape) => GetSZArrayType(elementType);

    public Entry GetByReferenceType(Entry elementType) => GetSZArrayType(elementType);

    public Entry GetPointerType(Entry elementType) => GetSZArrayType(elementType);

    public Entry GetFunctionPointerType(MethodSignature<Entry> signature) => new(Reference, default, true, false, false);

    public Entry GetModifiedType(Entry modifier, Entry unmodifiedType, bool isRequired) => unmodifiedType;

    public Entry GetPinnedType(Entry elementType) => elementType;

    /// <summary>Adds sizes without overflow.</summary>
    public static long Sum(IEnumerable<long> sizes) => sizes.Aggregate(0L, (sum, size) => Math.Min(sum + size, int.MaxValue));

    /// <summary>Size of a struct of this assembly.</summary>
    /// <param name="handle">The struct.</param>
    /// <param name="arguments">Sizes of its type arguments; empty: as large as they may be.</param>
    public long OfDefinition(TypeDefinitionHandle handle, ImmutableArray<long> arguments)
    {
        var key = (handle, arguments.Aggregate((long)arguments.Length, (hash, size) => (hash * 1_000_003) + size));
        if (_known.TryGetValue(key, out var known))
            return known;

        // A struct that contains itself does not load; its size does not matter.
        if (_depth > MaxDepth)
            return int.MaxValue;

        _depth++;
        var type = metadata.GetTypeDefinition(handle);
        var size = Sum(type.GetFields().Select(metadata.GetFieldDefinition)
            .Where(field => (field.Attributes & System.Reflection.FieldAttributes.Static) == 0)
            .Select(field => field.DecodeSignature(this, arguments).Size));
        _depth--;
        return _known[key] = Math.Max(size, type.GetLayout().Size);
    }
}
