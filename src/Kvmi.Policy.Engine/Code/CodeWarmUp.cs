using System.Reflection;
using System.Runtime.CompilerServices;

namespace Kvmi.Policy.Engine.Code;

/// <summary>
/// Compiles the code of a policy to machine code before its first event, on the thread that builds the generation: otherwise a vCPU waits for
/// the compiler, and the deadline of the first event pays for it.
/// </summary>
internal static class CodeWarmUp
{
    private const BindingFlags Own =
        BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Prepares what the types declare. Generic methods and types are left to their first call: their arguments are not known here.</summary>
    public static void Prepare(IEnumerable<Type> types)
    {
        foreach (var type in types.Where(type => !type.ContainsGenericParameters))
        {
            foreach (var method in type.GetMethods(Own).Cast<MethodBase>().Concat(type.GetConstructors(Own & ~BindingFlags.Static)))
            {
                if (!method.IsAbstract && !method.ContainsGenericParameters && method.GetMethodImplementationFlags() == MethodImplAttributes.IL)
                    RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
        }
    }
}
