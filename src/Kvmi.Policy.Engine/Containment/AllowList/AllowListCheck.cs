using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;

namespace Kvmi.Policy.Engine.Containment.AllowList;

/// <summary>
/// Compares what compiled code does with the allow-list, member by member and instruction by instruction: aliases, method groups,
/// attributes and compiler-made code are all seen, whatever the source looks like. This keeps accidents and ordinary malice out;
/// code in the same process is no sandbox.
/// </summary>
internal sealed class AllowListCheck
{
    private const ushort Calli = 0x29;
    private const ushort CopyBlock = 0xFE17;
    private const ushort InitBlock = 0xFE18;
    private const int MaxBreaches = 100;
    private const string SmallValues = "use a class or an array";

    private readonly AllowedMembers _allowed;
    private readonly IReadOnlySet<string> _assemblies;
    private readonly MetadataReader _metadata;
    private readonly PEReader _image;
    private readonly MemberNames _names;
    private readonly SequencePoints _points;
    private readonly StackFrames _frames;
    private readonly List<AllowListBreach> _breaches = [];
    private readonly HashSet<AllowListBreach> _seen = [];

    private AllowListCheck(AllowedMembers allowed, IReadOnlySet<string> assemblies, PEReader image, MetadataReader? symbols)
    {
        _allowed = allowed;
        _assemblies = assemblies;
        _image = image;
        _metadata = image.GetMetadataReader();
        _names = new(_metadata);
        _points = new(symbols);
        _frames = new(_metadata, image);
    }

    /// <summary>Checks an assembly without loading it.</summary>
    /// <param name="allowed">What may be used.</param>
    /// <param name="assemblies">Simple names of the assemblies that may be used whole: the contract, plugins.</param>
    /// <param name="image">The assembly.</param>
    /// <param name="symbols">Its portable PDB; null when there is none, then breaches have no line.</param>
    /// <returns>At most 100 breaches, each thing once a line; empty when all is allowed. A damaged image is a breach.</returns>
    public static IReadOnlyList<AllowListBreach> Run(AllowedMembers allowed, IReadOnlySet<string> assemblies, byte[] image, byte[]? symbols)
    {
        try
        {
            using var pe = new PEReader(ImmutableCollectionsMarshal.AsImmutableArray(image));
            using var pdb = symbols is null ? null : MetadataReaderProvider.FromPortablePdbImage(ImmutableCollectionsMarshal.AsImmutableArray(symbols));
            var check = new AllowListCheck(allowed, assemblies, pe, pdb?.GetMetadataReader());
            check.CheckTypes();
            check.CheckMethods();
            check.CheckAttributes();
            return check._breaches;
        }
        catch (Exception exception) when (exception is BadImageFormatException or InvalidOperationException or ArgumentException or OverflowException)
        {
            return [new($"cannot be checked, because its code is damaged ({exception.Message})", "build it again", null, 0, 0)];
        }
    }

    // Two references over each other in one struct are two types for one object.
    private void CheckTypes()
    {
        foreach (var handle in _metadata.TypeDefinitions)
        {
            var type = _metadata.GetTypeDefinition(handle);
            if ((type.Attributes & TypeAttributes.LayoutMask) == TypeAttributes.ExplicitLayout
                && type.GetFields().Any(field => _metadata.GetFieldDefinition(field).GetOffset() >= 0))
            {
                var method = type.GetMethods().FirstOrDefault();
                Add($"lays out the fields of {_metadata.GetString(type.Name)} by hand", "use BitConverter or BinaryPrimitives to see bytes as numbers", method, 0);
            }
        }
    }

    private void CheckMethods()
    {
        if (_frames.FindLargeType() is var (what, nearest))
            Add(what, SmallValues, nearest, 0);

        foreach (var handle in _metadata.MethodDefinitions)
        {
            var method = _metadata.GetMethodDefinition(handle);
            if ((method.Attributes & MethodAttributes.PinvokeImpl) != 0)
            {
                Add($"calls native code ({_metadata.GetString(method.Name)})", "a policy cannot leave the runtime", handle, 0);
            }
            else if (method.RelativeVirtualAddress == 0)
            {
                if ((method.Attributes & MethodAttributes.Abstract) == 0 && !IsDelegate(method))
                    Add($"has a method without a body ({_metadata.GetString(method.Name)})", "write the body", handle, 0);
            }
            else
            {
                CheckBody(handle, method);
            }
        }
    }

    private bool IsDelegate(MethodDefinition method)
    {
        var parent = _metadata.GetTypeDefinition(method.GetDeclaringType()).BaseType;
        return (method.ImplAttributes & MethodImplAttributes.CodeTypeMask) == MethodImplAttributes.Runtime && !parent.IsNil
            && _names.Resolve(parent) is { Type: "System.MulticastDelegate" };
    }

    private void CheckBody(MethodDefinitionHandle handle, MethodDefinition method)
    {
        if (_frames.Find(method) is { } problem)
            Add(problem, SmallValues, handle, 0);

        var reader = new IlReader(_image.GetMethodBody(method.RelativeVirtualAddress).GetILReader());
        while (reader.TryRead(out var instruction))
        {
            if (instruction.Code is Calli or CopyBlock or InitBlock)
            {
                Add("works on raw memory or function pointers", "use spans and delegates", handle, instruction.Offset);
                continue;
            }

            if (instruction.Token == 0 || MetadataTokens.EntityHandle(instruction.Token) is not { IsNil: false } operand)
                continue;

            if (_frames.Find(operand) is { } large)
                Add(large, SmallValues, handle, instruction.Offset);

            if (operand.Kind is HandleKind.MemberReference or HandleKind.MethodSpecification)
                CheckMember(operand, handle, instruction.Offset);
        }
    }

    private void CheckMember(EntityHandle operand, MethodDefinitionHandle method, int offset)
    {
        if (_names.Resolve(operand) is not { Type.Length: > 0 } member
            || (member.Assembly is { } assembly && _assemblies.Contains(assembly))
            || _allowed.Allows(member.Type, member.Member))
        {
            return;
        }

        Add($"uses {Display(member)}", _allowed.HintFor(member.Type, member.Member), method, offset);
    }

    private void CheckAttributes()
    {
        foreach (var handle in _metadata.CustomAttributes)
        {
            var attribute = _metadata.GetCustomAttribute(handle);
            var method = attribute.Parent.Kind == HandleKind.MethodDefinition ? (MethodDefinitionHandle)attribute.Parent : default;
            CheckMember(attribute.Constructor, method, 0);
        }
    }

    private void Add(string what, string? hint, MethodDefinitionHandle method, int offset)
    {
        var (file, line, column) = _points.Find(method, offset);
        var breach = new AllowListBreach(what, hint, file, line, column);
        if (_breaches.Count < MaxBreaches && _seen.Add(breach))
            _breaches.Add(breach);
    }

    private static string Display(MemberNames.Reference member) => member.Member switch
    {
        ".ctor" => $"new {member.Type}",
        _ when member.Member.StartsWith("get_", StringComparison.Ordinal) || member.Member.StartsWith("set_", StringComparison.Ordinal) =>
            $"{member.Type}.{member.Member[4..]}",
        _ => $"{member.Type}.{member.Member}",
    };
}
