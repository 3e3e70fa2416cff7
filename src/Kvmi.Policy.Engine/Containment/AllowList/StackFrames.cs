using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>Finds what would make a stack frame too large: large structs, many of them in one method, and generic recursion that makes them grow.</summary>
internal sealed class StackFrames(MetadataReader metadata, PEReader image)
{
    private const long MaxFrame = 16 * 1024;
    private const string Growing = "uses generic code of its own with a large struct, or one made of type parameters, which a recursion makes grow";

    private readonly ValueSizes _sizes = new(metadata);

    /// <summary>The first struct that is too large, of those that no variable need have.</summary>
    /// <returns>A sentence's end and a method near it; null when all are small.</returns>
    public (string What, MethodDefinitionHandle Method)? FindLargeType()
    {
        foreach (var handle in metadata.TypeDefinitions)
        {
            var type = metadata.GetTypeDefinition(handle);
            if (!IsStruct(type) || IsData(type))
                continue;

            var size = _sizes.OfDefinition(handle, []);
            if (size > ValueSizes.MaxValue)
                return (TooLarge($"values of type {metadata.GetString(type.Name)}", size), NearestMethod(handle));
        }

        return null;
    }

    /// <summary>What is wrong with a method; null when its frame is small.</summary>
    public string? Find(MethodDefinition method)
    {
        var signature = method.DecodeSignature(_sizes, []);
        ImmutableArray<ValueSizes.Entry> locals = [];
        var local = image.GetMethodBody(method.RelativeVirtualAddress).LocalSignature;
        if (!local.IsNil)
            locals = metadata.GetStandaloneSignature(local).DecodeLocalSignature(_sizes, []);

        ValueSizes.Entry[] all = [signature.ReturnType, .. signature.ParameterTypes, .. locals];
        var frame = ValueSizes.Sum(all.Select(entry => entry.Size));
        var largest = all.Max(entry => entry.Size);
        return all.Any(entry => entry.Grows) ? Growing
            : largest > ValueSizes.MaxValue ? TooLarge("values", largest)
            : frame > MaxFrame ? TooLarge("variables of one method that", frame)
            : null;
    }

    /// <summary>What is wrong with the type arguments of a call or a type; null when they are small.</summary>
    public string? Find(EntityHandle operand)
    {
        switch (operand.Kind)
        {
            case HandleKind.MethodSpecification:
                var specification = metadata.GetMethodSpecification((MethodSpecificationHandle)operand);
                var arguments = specification.DecodeSignature(_sizes, []);
                var own = specification.Method.Kind == HandleKind.MethodDefinition;
                return arguments.Any(argument => argument.Grows || (own && argument is { IsValue: true, Size: > ValueSizes.MaxArgument })) ? Growing
                    : Check(arguments.Max(argument => argument.Size), ValueSizes.MaxValue);
            case HandleKind.TypeSpecification:
                return Check(metadata.GetTypeSpecification((TypeSpecificationHandle)operand).DecodeSignature(_sizes, []));
            case HandleKind.MemberReference when metadata.GetMemberReference((MemberReferenceHandle)operand).Parent is { Kind: HandleKind.TypeSpecification } parent:
                return Find(parent);
            default:
                return null;
        }
    }

    private static string? Check(ValueSizes.Entry entry) => entry.Grows ? Growing : Check(entry.Size, ValueSizes.MaxValue);

    private static string? Check(long size, long most) => size > most ? TooLarge("values", size) : null;

    private static string TooLarge(string what, long size) =>
        $"has {what} {(what.EndsWith("that", StringComparison.Ordinal) ? "take" : "of")} {(size >= int.MaxValue ? "endless" : size)} bytes on the stack";

    private bool IsStruct(TypeDefinition type) => !type.BaseType.IsNil && type.BaseType.Kind == HandleKind.TypeReference
        && metadata.GetTypeReference((TypeReferenceHandle)type.BaseType) is var parent
        && metadata.StringComparer.Equals(parent.Name, nameof(ValueType)) && metadata.StringComparer.Equals(parent.Namespace, nameof(System));

    // The compiler keeps the initial values of arrays in structs without fields that are never a variable.
    private bool IsData(TypeDefinition type) =>
        type.GetFields().Count == 0 && type.IsNested && metadata.GetString(metadata.GetTypeDefinition(type.GetDeclaringType()).Name) == "<PrivateImplementationDetails>";

    private MethodDefinitionHandle NearestMethod(TypeDefinitionHandle handle)
    {
        for (var type = handle; !type.IsNil; type = metadata.GetTypeDefinition(type).GetDeclaringType())
        {
            foreach (var method in metadata.GetTypeDefinition(type).GetMethods())
            {
                if ((metadata.GetMethodDefinition(method).Attributes & MethodAttributes.SpecialName) == 0)
                    return method;
            }
        }

        return default;
    }
}
