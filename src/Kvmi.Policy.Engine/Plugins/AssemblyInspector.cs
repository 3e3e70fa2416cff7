using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Reads the metadata of a file without loading its code. The bytes are hostile: whatever they are, the answer is a sentence.</summary>
internal static class AssemblyInspector
{
    public static AssemblyInspection Inspect(byte[] image)
    {
        if (image is not [(byte)'M', (byte)'Z', ..])
            return AssemblyInspection.Unusable("it is not a .NET assembly (it does not start as a PE file)");

        try
        {
            using var pe = new PEReader(ImmutableArray.Create(image));
            foreach (var section in pe.PEHeaders.SectionHeaders)
            {
                if ((long)section.PointerToRawData + section.SizeOfRawData > image.Length)
                    return AssemblyInspection.Unusable($"it is cut short (section {section.Name} ends behind the file's {image.Length} bytes); copy it again");
            }

            if (!pe.HasMetadata)
                return AssemblyInspection.Unusable("it is a native library, not a .NET assembly");

            var metadata = pe.GetMetadataReader();
            if (!metadata.IsAssembly)
                return AssemblyInspection.Unusable("it is a .NET module, not an assembly");

            var definition = metadata.GetAssemblyDefinition();
            return new(
                null,
                metadata.GetString(definition.Name),
                definition.Version,
                PluginIdOf(metadata, definition),
                [.. metadata.AssemblyReferences.Select(metadata.GetAssemblyReference)
                    .Select(reference => new AssemblyReferenceName(metadata.GetString(reference.Name), reference.Version))])
            {
                NativeImports = Imports(metadata),
            };
        }
        catch (Exception exception) when (exception is BadImageFormatException or InvalidOperationException or ArgumentException or OverflowException)
        {
            return AssemblyInspection.Unusable($"its headers or metadata are damaged or cut short ({exception.Message}); copy it again");
        }
    }

    /// <summary>The types for which the code calls Publish of PolicyBase, as C# writes them; those of a damaged image are none.</summary>
    public static IReadOnlyList<string> Services(byte[] image)
    {
        try
        {
            using var pe = new PEReader(ImmutableArray.Create(image));
            var metadata = pe.GetMetadataReader();
            var names = new TypeNameProvider();
            var found = new List<string>();
            for (var row = 1; row <= metadata.GetTableRowCount(TableIndex.MethodSpec); row++)
            {
                var specification = metadata.GetMethodSpecification(MetadataTokens.MethodSpecificationHandle(row));
                if (specification.Method.Kind == HandleKind.MemberReference && IsPublish(metadata, metadata.GetMemberReference((MemberReferenceHandle)specification.Method)))
                    found.AddRange(specification.DecodeSignature(names, null));
            }

            return found;
        }
        catch (Exception exception) when (exception is BadImageFormatException or InvalidOperationException or ArgumentException or OverflowException)
        {
            return [];
        }
    }

    private static bool IsPublish(MetadataReader metadata, MemberReference member) =>
        metadata.StringComparer.Equals(member.Name, "Publish")
        && member.Parent.Kind == HandleKind.TypeReference
        && metadata.GetTypeReference((TypeReferenceHandle)member.Parent) is var parent
        && metadata.StringComparer.Equals(parent.Name, nameof(PolicyBase))
        && metadata.StringComparer.Equals(parent.Namespace, typeof(PolicyBase).Namespace!);

    private static ImmutableArray<string> Imports(MetadataReader metadata) =>
    [
        .. metadata.MethodDefinitions.Select(metadata.GetMethodDefinition)
            .Where(method => (method.Attributes & MethodAttributes.PinvokeImpl) != 0)
            .Select(method => method.GetImport().Module).Where(module => !module.IsNil)
            .Select(module => metadata.GetString(metadata.GetModuleReference(module).Name)).Distinct(StringComparer.Ordinal),
    ];

    private static string? PluginIdOf(MetadataReader metadata, AssemblyDefinition definition)
    {
        foreach (var handle in definition.GetCustomAttributes())
        {
            var attribute = metadata.GetCustomAttribute(handle);
            if (attribute.Constructor.Kind != HandleKind.MemberReference)
                continue;

            var parent = metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent;
            if (parent.Kind == HandleKind.TypeReference && IsPluginAttribute(metadata, metadata.GetTypeReference((TypeReferenceHandle)parent)))
                return ReadSingleString(metadata.GetBlobReader(attribute.Value));
        }

        return null;
    }

    private static bool IsPluginAttribute(MetadataReader metadata, TypeReference type) =>
        metadata.StringComparer.Equals(type.Name, nameof(PolicyPluginAttribute))
        && metadata.StringComparer.Equals(type.Namespace, typeof(PolicyPluginAttribute).Namespace!)
        && type.ResolutionScope.Kind == HandleKind.AssemblyReference
        && metadata.StringComparer.Equals(
            metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name, PluginContract.AssemblyName);

    // ECMA-335 II.23.3: prolog 0x0001, then the fixed arguments.
    private static string ReadSingleString(BlobReader value) =>
        value.ReadUInt16() == 1 ? value.ReadSerializedString() ?? "" : throw new BadImageFormatException("custom attribute without prolog");
}
