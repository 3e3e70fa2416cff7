using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>
/// Finds the type whose members a type signature gives access to: the generic type of an instance. A nil handle stands for arrays, type
/// parameters and primitives, which have no reference to check.
/// </summary>
internal sealed class RootTypeProvider : ISignatureTypeProvider<EntityHandle, object?>
{
    public EntityHandle GetArrayType(EntityHandle elementType, ArrayShape shape) => default;

    public EntityHandle GetSZArrayType(EntityHandle elementType) => default;

    public EntityHandle GetByReferenceType(EntityHandle elementType) => elementType;

    public EntityHandle GetPointerType(EntityHandle elementType) => elementType;

    public EntityHandle GetPinnedType(EntityHandle elementType) => elementType;

    public EntityHandle GetModifiedType(EntityHandle modifier, EntityHandle unmodifiedType, bool isRequired) => unmodifiedType;

    public EntityHandle GetGenericInstantiation(EntityHandle genericType, ImmutableArray<EntityHandle> typeArguments) => genericType;

    public EntityHandle GetGenericMethodParameter(object? genericContext, int index) => default;

    public EntityHandle GetGenericTypeParameter(object? genericContext, int index) => default;

    public EntityHandle GetFunctionPointerType(MethodSignature<EntityHandle> signature) => default;

    public EntityHandle GetPrimitiveType(PrimitiveTypeCode typeCode) => default;

    public EntityHandle GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => handle;

    public EntityHandle GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => handle;

    // ECMA-335 II.23.2.8 has no such thing; following it could go round for ever.
    public EntityHandle GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        throw new BadImageFormatException("a type specification refers to another one");
}
