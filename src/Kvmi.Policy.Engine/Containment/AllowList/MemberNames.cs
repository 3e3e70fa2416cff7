using System.Reflection.Metadata;

namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>Names of referenced types and members of one assembly, in the form that the allow-list uses.</summary>
internal sealed class MemberNames(MetadataReader metadata)
{
    private const int MaxNesting = 64;

    /// <summary>Name and home of what a token refers to.</summary>
    /// <param name="Type">Full metadata name of the type; "" for array types, whose members are the runtime's own.</param>
    /// <param name="Member">Name of the member; "" when the token is a type.</param>
    /// <param name="Assembly">Simple name of the assembly that the reference names; null when it is this assembly.</param>
    public readonly record struct Reference(string Type, string Member, string? Assembly);

    /// <summary>Resolves a member, method instance or type.</summary>
    /// <returns>Null for what lies in the assembly itself.</returns>
    /// <exception cref="BadImageFormatException">The metadata are damaged.</exception>
    public Reference? Resolve(EntityHandle handle) => handle.Kind switch
    {
        HandleKind.MethodSpecification => Resolve(metadata.GetMethodSpecification((MethodSpecificationHandle)handle).Method),
        HandleKind.MemberReference => OfMember((MemberReferenceHandle)handle),
        HandleKind.TypeReference or HandleKind.TypeSpecification => OfType(handle),
        HandleKind.MethodDefinition or HandleKind.FieldDefinition or HandleKind.TypeDefinition => null,
        _ => throw new BadImageFormatException($"an instruction names a {handle.Kind}"),
    };

    private Reference? OfMember(MemberReferenceHandle handle)
    {
        var member = metadata.GetMemberReference(handle);
        var name = metadata.GetString(member.Name);
        return member.Parent.Kind switch
        {
            HandleKind.TypeReference or HandleKind.TypeSpecification => OfType(member.Parent) is { } type ? type with { Member = name } : null,
            HandleKind.TypeDefinition or HandleKind.MethodDefinition => null,
            _ => throw new BadImageFormatException($"a member has a {member.Parent.Kind} for its parent"),
        };
    }

    private Reference? OfType(EntityHandle handle)
    {
        if (handle.Kind == HandleKind.TypeReference)
            return OfTypeReference((TypeReferenceHandle)handle);

        var root = metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(new RootTypeProvider(), null);
        return root.Kind switch
        {
            HandleKind.TypeReference => OfTypeReference((TypeReferenceHandle)root),
            HandleKind.TypeDefinition => null,
            _ => new Reference("", "", null),
        };
    }

    private Reference OfTypeReference(TypeReferenceHandle handle)
    {
        var name = "";
        for (var depth = 0; depth < MaxNesting; depth++)
        {
            var type = metadata.GetTypeReference(handle);
            var own = metadata.GetString(type.Name);
            name = name.Length == 0 ? own : $"{own}+{name}";
            switch (type.ResolutionScope.Kind)
            {
                case HandleKind.TypeReference:
                    handle = (TypeReferenceHandle)type.ResolutionScope;
                    continue;
                case HandleKind.AssemblyReference:
                    var space = metadata.GetString(type.Namespace);
                    var assembly = metadata.GetString(metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name);
                    return new(space.Length == 0 ? name : $"{space}.{name}", "", assembly);
                default:
                    throw new BadImageFormatException($"the type {name} is said to be in a {type.ResolutionScope.Kind}");
            }
        }

        throw new BadImageFormatException("types are nested too deeply");
    }
}
