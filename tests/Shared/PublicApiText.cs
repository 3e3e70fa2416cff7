using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Kvmi.TestSupport;

/// <summary>
/// Renders the public API of an assembly as sorted text and compares it with a file in the source tree, so that no public
/// name changes by accident. One line per test project: <c>PublicApiText.AssertUnchanged(typeof(X).Assembly)</c>.
/// </summary>
internal static class PublicApiText
{
    private const string AcceptVariable = "KVMI_POLICY_ACCEPT_API";
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly NullabilityInfoContext Nullability = new();

    public static void AssertUnchanged(Assembly assembly)
    {
        var name = assembly.GetName().Name!;
        var path = Path.Combine(Repository(), "src", name, "PublicAPI.txt");
        var actual = Render(assembly);
        if (Environment.GetEnvironmentVariable(AcceptVariable) == "1")
        {
            File.WriteAllText(path, actual);
            return;
        }

        var expected = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        if (expected != actual)
        {
            Assert.Fail(
                $"The public API of {name} is not what src/{name}/PublicAPI.txt says:\n{Difference(expected, actual)}\n"
                + $"If the change is meant, run this test with the environment variable {AcceptVariable}=1 and commit the file.");
        }
    }

    public static string Render(Assembly assembly)
    {
        var lines = new List<string>();
        foreach (var type in assembly.GetExportedTypes())
        {
            lines.Add(TypeLine(type));
            lines.AddRange(Members(type).Select(member => TypeName(type) + " :: " + member));
        }

        lines.Sort(StringComparer.Ordinal);
        return string.Join('\n', lines) + "\n";
    }

    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Kvmi.Policy.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Kvmi.Policy.sln in {AppContext.BaseDirectory} or a folder above it: run the test inside the source tree.");
    }

    private static string Difference(string expected, string actual)
    {
        var old = expected.Split('\n');
        var now = actual.Split('\n');
        return string.Join('\n', old.Except(now).Select(line => "- " + line).Concat(now.Except(old).Select(line => "+ " + line)));
    }

    private static string TypeLine(Type type)
    {
        var text = new StringBuilder(TypeName(type)).Append(" : ").Append(Kind(type));
        var bases = new List<string>();
        if (type is { IsClass: true, BaseType: { } parent } && parent != typeof(object) && !typeof(Delegate).IsAssignableFrom(type))
        {
            bases.Add(TypeName(parent));
        }

        bases.AddRange(type.IsEnum ? [] : type.GetInterfaces().Where(face => face.IsPublic).Select(TypeName).Order(StringComparer.Ordinal));
        return bases.Count == 0 ? text.ToString() : text.Append(" (").AppendJoin(", ", bases).Append(')').ToString();
    }

    private static string Kind(Type type) => type switch
    {
        { IsEnum: true } => "enum of " + TypeName(Enum.GetUnderlyingType(type)),
        { IsInterface: true } => "interface",
        { IsValueType: true } => (IsReadOnly(type) ? "readonly " : "") + (type.IsByRefLike ? "ref struct" : "struct"),
        _ when typeof(Delegate).IsAssignableFrom(type) => "delegate",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsAbstract: true } => "abstract class",
        { IsSealed: true } => "sealed class",
        _ => "class",
    };

    private static bool IsReadOnly(MemberInfo member) => member.IsDefined(typeof(IsReadOnlyAttribute), false);

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt64(Enum.Parse(type, name), null)}");
        }

        if (typeof(Delegate).IsAssignableFrom(type))
        {
            return [Method(type.GetMethod("Invoke")!)];
        }

        return type.GetConstructors(Everything).Where(IsVisible).Select(constructor => "new(" + Parameters(constructor) + ")")
            .Concat(type.GetFields(Everything).Where(IsVisible).Select(Field))
            .Concat(type.GetProperties(Everything).Select(Property).OfType<string>())
            .Concat(type.GetEvents(Everything).Where(found => IsVisible(found.AddMethod!)).Select(found => $"event {TypeName(found.EventHandlerType!)} {found.Name}"))
            .Concat(type.GetMethods(Everything).Where(method => IsVisible(method) && !IsAccessor(method) && !IsGenerated(method)).Select(Method));
    }

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsVisible(FieldInfo field) => (field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly) && !field.IsSpecialName;

    private static bool IsAccessor(MethodInfo method) => method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal);

    private static bool IsGenerated(MethodInfo method) => method.IsDefined(typeof(CompilerGeneratedAttribute), false);

    private static string Field(FieldInfo field)
    {
        var value = field.IsLiteral ? " = " + Literal(field.GetRawConstantValue()) : "";
        var kind = field.IsLiteral ? "const " : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        return $"{kind}{TypeName(field.FieldType)}{Nullable(field.FieldType, Nullability.Create(field).ReadState)} {field.Name}{value}";
    }

    private static string? Property(PropertyInfo property)
    {
        var get = property.GetMethod is { } getter && IsVisible(getter) ? getter : null;
        var set = property.SetMethod is { } setter && IsVisible(setter) ? setter : null;
        var first = get ?? set;
        if (first is null || property.Name == "EqualityContract")
        {
            return null;
        }

        var isInit = set?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;
        var required = property.IsDefined(typeof(RequiredMemberAttribute), false) ? "required " : "";
        var index = property.GetIndexParameters() is { Length: > 0 } parameters ? "[" + string.Join(", ", parameters.Select(Parameter)) + "]" : "";
        return $"{Modifiers(first)}{required}{TypeName(property.PropertyType, IsReadOnly(property))}{Nullable(property.PropertyType, State(property))} {property.Name}{index} "
            + $"{{{(get is null ? "" : " get;")}{(set is null ? "" : isInit ? " init;" : " set;")} }}";
    }

    private static string Method(MethodInfo method)
    {
        var generics = method.IsGenericMethod ? "<" + string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name)) + ">" : "";
        return $"{Modifiers(method)}{Returned(method)} {method.Name}{generics}({Parameters(method)})";
    }

    private static string Modifiers(MethodBase method) =>
        (method.IsFamily || method.IsFamilyOrAssembly ? "protected " : "")
        + (method.IsStatic ? "static " : "")
        + (method is { IsAbstract: true, DeclaringType.IsInterface: false } ? "abstract "
            : method is { IsVirtual: true, IsFinal: false, DeclaringType.IsInterface: false } ? "virtual " : "");

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        var prefix = !type.IsByRef ? "" : parameter.IsOut ? "out " : IsIn(parameter) ? "in " : "ref ";
        var value = parameter.HasDefaultValue ? " = " + Literal(parameter.RawDefaultValue) : "";
        return $"{prefix}{TypeName(type.IsByRef ? type.GetElementType()! : type)}{Nullable(type, Nullability.Create(parameter).ReadState)} {parameter.Name}{value}";
    }

    private static string Returned(MethodInfo method) =>
        TypeName(method.ReturnType, method.ReturnParameter.IsDefined(typeof(IsReadOnlyAttribute), false))
        + Nullable(method.ReturnType, Nullability.Create(method.ReturnParameter).ReadState);

    private static NullabilityState State(PropertyInfo property)
    {
        var info = Nullability.Create(property);
        return property.CanRead ? info.ReadState : info.WriteState;
    }

    private static string Nullable(Type type, NullabilityState state)
    {
        var value = type.IsByRef ? type.GetElementType()! : type;
        return state == NullabilityState.Nullable && !value.IsValueType ? "?" : "";
    }

    private static bool IsIn(ParameterInfo parameter) => parameter.IsDefined(typeof(IsReadOnlyAttribute), false) || parameter.IsIn;

    private static string Literal(object? value) => value switch
    {
        null => "default",
        string text => "\"" + text + "\"",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string TypeName(Type type) => TypeName(type, isReadOnlyRef: false);

    private static string TypeName(Type type, bool isReadOnlyRef)
    {
        if (type.IsByRef)
        {
            return (isReadOnlyRef ? "ref readonly " : "ref ") + TypeName(type.GetElementType()!);
        }

        if (type.IsArray)
        {
            return TypeName(type.GetElementType()!) + "[]";
        }

        if (type.IsGenericParameter)
        {
            return type.Name;
        }

        var name = type.IsNested ? TypeName(type.DeclaringType!) + "." + type.Name : string.IsNullOrEmpty(type.Namespace) ? type.Name : type.Namespace + "." + type.Name;
        if (!type.IsGenericType)
        {
            return name;
        }

        var tick = name.IndexOf('`', StringComparison.Ordinal);
        return (tick < 0 ? name : name[..tick]) + "<" + string.Join(", ", type.GetGenericArguments().Select(TypeName)) + ">";
    }
}
