using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Op = Mono.Cecil.Cil.Code;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// Finds the decisions that a handler of a plugin returns although its event cannot be answered so, from its code and before it runs; the same
/// check as that of scripts. Only what goes straight from <c>Skip()</c> to the return is seen, and only in methods of the plugin's own assembly:
/// everything else is an error of the policy when it happens. Untrusted plugins are not read: their bytes stay in their worker.
/// </summary>
internal static class PluginDecisions
{
    private static readonly string[] Owners = [typeof(PolicyBase).FullName!, typeof(Decision).FullName!];

    /// <summary>Adds a finding for each of them.</summary>
    /// <param name="definition">The policy; its handlers are there.</param>
    /// <param name="type">The class.</param>
    /// <param name="code">The assembly that has the class.</param>
    /// <param name="findings">Where findings go.</param>
    public static void Check(PolicyDefinition definition, Type type, PluginCode code, ICollection<Finding> findings)
    {
        using var stream = new MemoryStream(code.Image, writable: false);
        using var module = ModuleDefinition.ReadModule(stream, new ReaderParameters(ReadingMode.Deferred));
        var done = new HashSet<int>();
        foreach (var subscription in definition.Subscriptions)
        {
            if (subscription.Handler is not { } name
                || PolicyEvents.Find(subscription.Event) is not { } info
                || HandlerBinding.FindMethod(type, name, info.HandlerType) is not { } method
                || method.Module.Assembly != type.Assembly
                || !done.Add(method.MetadataToken)
                || module.LookupToken(method.MetadataToken) is not MethodDefinition { HasBody: true } body)
            {
                continue;
            }

            foreach (var (instruction, kind) in Answers(body).Where(answer => !info.IsLegal(answer.Kind)))
            {
                findings.Add(new(PlaceOf(method.MetadataToken, instruction.Offset, code), FindingSeverity.Error, FindingCodes.IllegalDecision,
                    $"policy '{definition.Id}': {type.FullName}.{name} answers {kind}, which is not legal for {info.Name} events",
                    $"possible: {string.Join(", ", info.Legal)}"));
            }
        }
    }

    private static IEnumerable<(Instruction Instruction, DecisionKind Kind)> Answers(MethodDefinition method)
    {
        foreach (var instruction in method.Body.Instructions)
        {
            if (instruction.OpCode.Code is Op.Call or Op.Callvirt
                && instruction.Operand is MethodReference called
                && Owners.Contains(called.DeclaringType.FullName)
                && called.ReturnType.FullName == typeof(Decision).FullName
                && Enum.TryParse<DecisionKind>(called.Name.StartsWith("get_", StringComparison.Ordinal) ? called.Name[4..] : called.Name, out var kind)
                && IsReturned(instruction, method.Body))
            {
                yield return (instruction, kind);
            }
        }
    }

    // The ways of a compiler from a value to the return: at once, by a jump to the one return, or kept in a local while a block is left.
    private static bool IsReturned(Instruction instruction, MethodBody body)
    {
        VariableDefinition? kept = null;
        var next = instruction.Next;
        for (var steps = 0; next is not null && steps < body.Instructions.Count; steps++)
        {
            switch (next.OpCode.Code)
            {
                case Op.Nop:
                    next = next.Next;
                    break;
                case Op.Br or Op.Br_S or Op.Leave or Op.Leave_S:
                    next = (Instruction)next.Operand;
                    break;
                case Op.Ldc_I4_1 when next.Next?.OpCode.Code is Op.Brtrue or Op.Brtrue_S:
                    // Unoptimized code marks the end of a switch expression so.
                    next = (Instruction)next.Next.Operand;
                    break;
                case Op.Ret:
                    return kept is null;
                default:
                    if (kept is null && StoredIn(next, body) is { } stored)
                        kept = stored;
                    else if (kept is not null && LoadedFrom(next, body) == kept)
                        kept = null;
                    else
                        return false;

                    next = next.Next;
                    break;
            }
        }

        return false;
    }

    private static VariableDefinition? StoredIn(Instruction instruction, MethodBody body) => instruction.OpCode.Code switch
    {
        Op.Stloc_0 => body.Variables[0],
        Op.Stloc_1 => body.Variables[1],
        Op.Stloc_2 => body.Variables[2],
        Op.Stloc_3 => body.Variables[3],
        Op.Stloc or Op.Stloc_S => (VariableDefinition)instruction.Operand,
        _ => null,
    };

    private static VariableDefinition? LoadedFrom(Instruction instruction, MethodBody body) => instruction.OpCode.Code switch
    {
        Op.Ldloc_0 => body.Variables[0],
        Op.Ldloc_1 => body.Variables[1],
        Op.Ldloc_2 => body.Variables[2],
        Op.Ldloc_3 => body.Variables[3],
        Op.Ldloc or Op.Ldloc_S => (VariableDefinition)instruction.Operand,
        _ => null,
    };

    // Symbols only say where: none, or those of another build, are no reason to keep the finding back.
    private static SourceLocation PlaceOf(int method, int offset, PluginCode code)
    {
        if (code.ReadSymbols() is not { } symbols)
            return new(code.Path);

        try
        {
            using var module = ModuleDefinition.ReadModule(
                new MemoryStream(code.Image, writable: false),
                new ReaderParameters
                {
                    ReadSymbols = true,
                    SymbolStream = new MemoryStream(symbols, writable: false),
                    SymbolReaderProvider = new PortablePdbReaderProvider(),
                    ThrowIfSymbolsAreNotMatching = false,
                });
            var points = ((MethodDefinition)module.LookupToken(method)).DebugInformation.SequencePoints;
            var point = points.LastOrDefault(point => !point.IsHidden && point.Offset <= offset);
            return point is null ? new(code.Path) : new(point.Document.Url, point.StartLine, point.StartColumn);
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException or InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            return new(code.Path);
        }
    }
}
